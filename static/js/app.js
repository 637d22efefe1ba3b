// What the pages add where there is a script: dialogs as windows, focus after a swap, messages that close.
// Without it every link and form still works.
"use strict";

(() => {
  const TOAST_MS = 10_000;
  const UNREACHABLE = "The site could not be reached. Check your connection, then reload the page to see how things stand.";
  const NOT_FOLLOWED = "The count cannot be followed any further. Reload the page to see how things stand.";
  const UNEXPECTED = "The site gave no usable answer. Reload the page to see how things stand.";

  const SHAPES = {
    bad: "M8 1.75a6.25 6.25 0 1 0 0 12.5 6.25 6.25 0 1 0 0-12.5M8 4.75v4M8 11.25v.01",
    close: "m4 4 8 8m0-8-8 8",
  };

  // The opener of the dialog that is open, to give the focus back to.
  let opener = "";

  // Dialogs ----------------------------------------------------------------------------------------

  function showDialogs(root) {
    for (const dialog of root.querySelectorAll("dialog[data-modal]")) {
      if (dialog.matches(":modal")) continue;
      dialog.removeAttribute("open");
      dialog.addEventListener("cancel", onCancel);
      dialog.addEventListener("close", onClose);
      dialog.showModal();
      opener = dialog.dataset.modal;
      focusIn(dialog);
    }
  }

  function focusIn(dialog) {
    const first =
      dialog.querySelector("[aria-invalid=true]") ||
      dialog.querySelector("[autofocus]") ||
      dialog.querySelector("input, button, a");
    first?.focus();
  }

  function onCancel(event) {
    if (event.target !== event.currentTarget) return;
    event.preventDefault();
    leave(event.currentTarget);
  }

  // Some browsers close on a second Escape whatever the page says; the card must follow.
  function onClose(event) {
    if (event.currentTarget.isConnected) leave(event.currentTarget);
  }

  function leave(dialog) {
    // What was sent to Notion cannot be called back: wait for its answer.
    if (dialog.querySelector(".htmx-request")) {
      if (!dialog.open) dialog.showModal();
      return;
    }
    dialog.querySelector("[data-cancel]")?.click();
  }

  // Menus ------------------------------------------------------------------------------------------

  function closeMenus(except) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== except) menu.open = false;
    }
  }

  document.addEventListener("click", (event) => {
    closeMenus(event.target.closest("details.menu"));
    const close = event.target.closest("[data-close]");
    if (close) dismiss(close.closest(".note-box"));
  });

  document.addEventListener("focusin", (event) => closeMenus(event.target.closest("details.menu")));

  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details.menu[open]");
    if (!menu) return;
    const items = [...menu.querySelectorAll(".panel :is(a, button)")];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Escape") {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (to !== undefined && items.length) {
      event.preventDefault();
      items.at(to % items.length).focus();
    }
  });

  // Messages ---------------------------------------------------------------------------------------

  function dismiss(toast) {
    if (toast.contains(document.activeElement)) document.querySelector("main")?.focus();
    toast.remove();
  }

  function tend(toast) {
    if (toast.classList.contains("error") || toast.classList.contains("warning")) return;
    const later = () => {
      if (toast.matches(":hover, :focus-within")) setTimeout(later, TOAST_MS);
      else if (toast.isConnected) dismiss(toast);
    };
    setTimeout(later, TOAST_MS);
  }

  function complain(sentence) {
    // What lies behind an open dialog cannot be read: the message goes into it.
    const dialog = document.querySelector("dialog:modal");
    const place = dialog?.querySelector("form") || document.getElementById("toasts");
    if (!place) return;
    // One failure, one message, however often it is met.
    for (const shown of place.querySelectorAll("[data-complaint]")) shown.remove();
    const line = document.createElement("p");
    line.textContent = sentence;
    const words = document.createElement("div");
    words.append(line);
    const box = document.createElement("div");
    box.className = "note-box error";
    box.dataset.complaint = "";
    box.append(icon("bad"), words);
    if (dialog) {
      box.setAttribute("role", "alert");
      place.prepend(box);
      return;
    }
    const close = document.createElement("button");
    close.type = "button";
    close.className = "close";
    close.dataset.close = "";
    close.setAttribute("aria-label", "Close this message");
    close.append(icon("close"));
    box.append(close);
    place.append(box);
  }

  // Drawn here: where the site cannot be reached, the file of icons cannot either.
  function icon(name) {
    const SVG = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", SHAPES[name]);
    svg.append(path);
    return svg;
  }

  // Copying ----------------------------------------------------------------------------------------

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copies]");
    if (!button) return;
    const field = document.getElementById(button.dataset.copies);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      button.classList.add("turned");
      announce("Copied.");
    } catch {
      // Not over plain http, nor where the browser forbids it.
      field.focus();
      complain("Your browser does not let this page copy. The text is selected: copy it by hand.");
    }
  });

  // Swaps ------------------------------------------------------------------------------------------

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, target, shouldSwap } = event.detail;
    if (!shouldSwap) return;
    const answer = xhr.responseText || "";
    const pending = target.hasAttribute("data-pending");
    // Only the fragment itself may take its own place. A whole page (refused, missing, broken), a proxy's
    // error or nothing at all would wipe it out: say what happened instead.
    if (/^\s*<!doctype/i.test(answer) || !answer.includes(`id="${target.id}"`)) {
      event.detail.shouldSwap = false;
      if (!pending) complain(sentenceOf(answer));
      // A refusal does not change by asking again, and each one is recorded; a failure may pass.
      else if (xhr.status < 500) stopCounting(target);
      return;
    }
    // Still counting: leave what stands there, so that nothing is read out again.
    if (pending && answer.includes(" data-pending ")) event.detail.shouldSwap = false;
  });

  function sentenceOf(answer) {
    const page = new DOMParser().parseFromString(answer, "text/html");
    return page.querySelector("[data-sentence]")?.textContent.trim() || UNEXPECTED;
  }

  // htmx stops asking for what has left the page, so a silent copy takes the place.
  function stopCounting(counter) {
    const still = counter.cloneNode(true);
    for (const name of ["data-pending", "hx-get", "hx-trigger", "hx-swap"]) still.removeAttribute(name);
    const line = still.querySelector(".waiting");
    if (line) {
      line.className = "muted";
      line.textContent = NOT_FOLLOWED;
    }
    counter.replaceWith(still);
  }

  document.addEventListener("htmx:sendError", (event) => {
    if (!event.detail.elt.hasAttribute("data-pending")) complain(UNREACHABLE);
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const fragment = document.getElementById(event.detail.target.id);
    if (!fragment?.matches("[data-fragment]")) return;
    const words = fragment.dataset.announce;
    if (words) announce(words);
    showDialogs(fragment);
    if (fragment.querySelector("dialog:modal")) return;
    // The dialog that this address asked for is done: loading the page again must not open it again.
    if (/[?&](dialog|remove|revoke)=/.test(location.search)) history.replaceState(null, "", location.pathname);
    place(fragment);
  });

  // Where the focus goes: to what happened, else back to what opened the dialog, else to the heading.
  function place(fragment) {
    const lost = document.activeElement === document.body || document.activeElement === null;
    const news = fragment.querySelector("[data-focus]");
    const back = opener && fragment.querySelector(`[data-opens="${CSS.escape(opener)}"]`);
    opener = "";
    if (news) news.focus();
    else if (back) (back.closest("details.menu:not([open])")?.querySelector("summary") || back).focus();
    else if (lost) fragment.querySelector("h2[tabindex]")?.focus();
  }

  function announce(words) {
    let place = document.getElementById("announced");
    if (!place) {
      place = document.createElement("div");
      place.id = "announced";
      place.className = "unseen";
      place.setAttribute("role", "status");
      document.body.append(place);
    }
    place.textContent = "";
    setTimeout(() => { place.textContent = words; }, 50);
  }

  // Start ------------------------------------------------------------------------------------------

  showDialogs(document);
  for (const toast of document.querySelectorAll("#toasts .note-box")) tend(toast);
})();
