"""What generated pages say: a few outlines of pages that a company keeps, block by block."""

OUTLINES = (
    (
        ("heading_2", "What we decided"),
        ("paragraph", "We go ahead with the smaller change first and look at the figures after two weeks."),
        ("bulleted_list_item", "The old flow stays reachable for customers who have bookmarked it."),
        ("bulleted_list_item", "Support gets the new answers before the release, not after."),
        ("to_do", "Write to the three customers who asked for this"),
        ("to_do", "Put the date into the calendar"),
    ),
    (
        ("heading_1", "Why this page exists"),
        ("paragraph", "New colleagues asked the same five questions every month. These are the answers."),
        ("callout", "Ask before you change anything here: two teams copy from this page."),
        ("numbered_list_item", "Read the summary, and open the details only if it does not answer you."),
        ("numbered_list_item", "Write down what was missing, at the end of the page."),
        ("code", "make deploy ENV=staging"),
    ),
    (
        ("paragraph", "Last quarter took longer than planned, mostly because two approvals came late."),
        ("quote", "If we had known in March what we knew in May, we would have started with the export."),
        ("heading_3", "What comes next"),
        ("bulleted_list_item", "Agree on who owns the list of open points."),
        ("divider", ""),
        ("unsupported", ""),
    ),
    (
        ("heading_2", "Summary"),
        ("paragraph", "Costs are four per cent under budget; the difference is travel that did not happen."),
        ("to_do", "Check the two invoices from October"),
        ("paragraph", "The full figures are in the finance workspace, and are for us only."),
        ("quote", "Cheaper is only better where nobody has to wait for it."),
        ("callout", "Numbers before the month's close are estimates."),
    ),
)
LONGEST = max(map(len, OUTLINES))
