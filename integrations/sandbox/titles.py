"""Titles that a real company's workspace would have, and the awkward ones that break importers.

Demos need titles a reader believes; tests need titles that are empty, doubled, right-to-left or look like
markup. Both come from here, chosen by an object's dice, so that a title costs nothing until it is asked for.
"""

from integrations.sandbox.ids import INDEX_MASK

TEAMS = (
    ("Company home", "🏠"),
    ("Engineering", "🛠️"),
    ("Product", "🧭"),
    ("Design", "🎨"),
    ("Sales", "🤝"),
    ("Marketing", "📣"),
    ("People", "🌱"),
    ("Customer success", "💬"),
    ("Operations", "📦"),
    ("Finance", "💶"),
    ("Board & legal (restricted)", "🔒"),
)

_TOPICS = (
    ("Holiday calendar", "Company values", "All-hands notes", "Office guide", "Travel policy", "Glossary",
     "How we write", "Security basics", "Who is who", "Strategy on a page"),
    ("On-call runbook", "Architecture decision", "Incident review", "Service catalogue", "Release checklist",
     "Database migration plan", "API guidelines", "Tech debt register", "Local setup", "Capacity planning",
     "Observability standards", "Checkout latency"),
    ("Roadmap", "Discovery notes", "Pricing experiment", "Feature brief", "Launch checklist",
     "Beta feedback", "Competitor review", "Opportunity tree", "Weekly product update"),
    ("Design system", "Usability study", "Icon inventory", "Colour tokens", "Critique notes",
     "Mobile navigation", "Empty states", "Accessibility review"),
    ("Account plan", "Discount policy", "Call script", "Territory plan", "Proposal template",
     "Win-loss review", "Forecast notes", "Security questionnaire answers"),
    ("Campaign brief", "Brand voice", "Webinar plan", "Newsletter draft", "Event checklist",
     "Press kit", "SEO audit", "Case study"),
    ("Onboarding: week one", "Parental leave", "Interview guide", "Career ladder", "Performance cycle",
     "Benefits overview", "Offboarding checklist", "Remote work policy"),
    ("Escalation path", "Renewal playbook", "Health score method", "Help centre style", "Churn interviews",
     "Support macros", "Quarterly business review"),
    ("Vendor onboarding", "Purchase process", "Warehouse move", "Business continuity", "Shipping delays",
     "Inventory count", "Facilities requests"),
    ("Budget", "Month-end close", "Expense policy", "Invoice approval", "Cash forecast",
     "Audit preparation", "Price list"),
    ("Board minutes", "Cap table notes", "Contract review", "Data processing agreement", "Litigation hold",
     "Acquisition: project Kestrel"),
)  # fmt: skip

_SUFFIXES = (
    "", "", "", " – draft", " (old)", " v2", ": notes", " – archive", " 2024", " 2025", " Q1", " Q2",
    " Q3", " Q4",
    " – EMEA", " – Americas", ": follow-ups", " (copy)", " – retro", " template",
)  # fmt: skip

# What real workspaces hold and tidy fixtures do not. Doubled entries are meant: duplicates are normal.
AWKWARD = (
    "",
    "Meeting notes",
    "<script>alert('hi')</script>",
    "=1+1",
    "دليل الموظفين الجدد",
    "Untitled",
    "🚀🚀 Launch!! 🎉",
    "Meeting notes",
    "תוכנית עבודה 2025",
    "<b>Bold</b> & \"quoted\" 'title'",
    "  leading and trailing spaces  ",
    "",
    "株式会社との契約",
    "Ünïcödé – naïve café façade",
    "=HYPERLINK(\"http://example.com\",\"click\")",
    "\u202eright-to-left override",
    "👩‍👩‍👧‍👦 Family day",
    "Copy of Copy of Copy of Budget",
    "../../etc/passwd",
    "a" * 300,
    "{{ template }} {% block %}",
    "Line one\nline two",
)  # fmt: skip

_SUBJECTS = (
    "checkout", "billing export", "mobile app", "search page", "partner portal", "sign-up flow",
    "invoice PDF",
    "data warehouse", "status page", "warehouse scanner", "pricing page", "customer import", "help centre",
    "admin console", "webhook delivery", "password reset", "onboarding e-mail", "usage report",
)  # fmt: skip
_COMPANIES = (
    "Northwind", "Blue Harbor", "Lumen & Co", "Ostrava Steel", "Kite Foods", "Grand Fjord", "Parkline",
    "Sunfield Energy", "Maison Verte", "Tallinn Freight", "Redwood Clinics", "Ikeda Optics", "Savanna Air",
)  # fmt: skip
_VERBS = (
    "Fix", "Review", "Ship", "Rewrite", "Measure", "Plan", "Document", "Retire", "Test", "Speed up",
    "Translate",
    "Approve", "Roll out", "Clean up",
)  # fmt: skip

ROW_PATTERNS = {
    "task": "{verb} the {subject}",
    "project": "{subject} – {company}",
    "account": "{company} {place}",
    "bug": "{subject}: wrong result after {verb}",
    "meeting": "Sync on {subject}, week {week}",
    "candidate": "Candidate {number} – {subject} team",
    "vendor": "{company} contract {number}",
    "goal": "{verb} the {subject} by {number} %",
    "content": "How {company} uses our {subject}",
    "asset": "Laptop NB-{number}",
}
_PLACES = ("GmbH", "Inc.", "SARL", "Ltd", "Oy", "K.K.", "B.V.", "Berlin", "Austin", "Lyon", "Osaka", "Recife")


def team_title(team: int) -> str:
    """Return the title of a team's top page."""
    return TEAMS[team][0]


def document_title(team: int, code: int, dice: bytes) -> str:
    """Return the title of a page that is not a row; about one in twenty is awkward."""
    index = code & INDEX_MASK
    if index % 19 == 18:
        return AWKWARD[index // 19 % len(AWKWARD)]
    topics = _TOPICS[team]
    return topics[dice[0] % len(topics)] + _SUFFIXES[dice[1] % len(_SUFFIXES)]


def row_title(pattern: str, code: int, dice: bytes) -> str:
    """Return the title of a database row; about one in forty is awkward."""
    index = code & INDEX_MASK
    if index % 41 == 40:
        return AWKWARD[index // 41 % len(AWKWARD)]
    text = ROW_PATTERNS[pattern].format(
        verb=_VERBS[dice[0] % len(_VERBS)],
        subject=_SUBJECTS[dice[1] % len(_SUBJECTS)],
        company=_COMPANIES[dice[2] % len(_COMPANIES)],
        place=_PLACES[dice[3] % len(_PLACES)],
        week=dice[4] % 52 + 1,
        number=dice[5] * 7 + dice[6] % 7,
    )
    return text[0].upper() + text[1:]
