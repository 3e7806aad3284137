"""Category, subcategory, languages and tools of a session, by words of its task and by what it touched."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from cogmill.domain.insights.facts import Facts

RULES: dict[str, dict[str, str]] = {
    "bug_fixing": {
        "Regression": r"regress\w*|used to work|broke since",
        "Crash or error": r"crash\w*|exceptions?|stack ?traces?|errors?|500s?|panics?",
        "Wrong result": r"wrong|incorrect\w*|off by one|too low|too high|miscalculat\w*",
        "Bug": r"bugs?|fix(?:es|ed|ing)?|hotfix|broken|fails?|failing|issues?|defects?",
    },
    "ci_cd_and_devops": {
        "Pipelines": r"ci|cd|pipelines?|workflows?|github actions|gitlab ci|jenkins",
        "Containers": r"docker\w*|containers?|kubernetes|k8s|helm|images?",
        "Infrastructure": r"terraform|ansible|infrastructure|deploy\w*|provision\w*|monitoring",
    },
    "code_quality_and_security": {
        "Security": r"secur\w*|vulnerab\w*|cves?|xss|injections?|secrets? leak\w*",
        "Linting": r"lint\w*|ruff|eslint|format(?:ting|ter)?|style|warnings?",
        "Types": r"mypy|type (?:hints?|errors?|annotations?)|strict types?",
    },
    "code_review_and_analysis": {
        "Code review": r"review\w*|pull request comments?",
        "Analysis": r"analy[sz]e\w*|analysis|audit\w*|explain\w*|how does|root cause",
    },
    "data_and_automation": {
        "Data": r"csv|data ?sets?|etl|data pipelines?|sql|quer(?:y|ies)|reports?|spreadsheets?|scrap\w*",
        "Automation": r"automat\w*|scripts?|cron|batch|schedul\w*",
    },
    "documentation_and_content": {
        "Documentation": r"docs?|documentation|readme|docstrings?|changelog|guides?|tutorials?",
        "Content": r"content|blog|articles?|translat\w*|wording",
    },
    "feature_development": {
        "New feature": r"features?|implement\w*|add(?:s|ed|ing)?|build|create|support(?:s|ing)?|new",
        "Interface": r"ui|pages?|buttons?|frontend|screens?|components?",
        "API": r"endpoints?|apis?|routes?|webhooks?",
    },
    "migrations_and_upgrades": {
        "Upgrade": r"upgrad\w*|bump\w*|update (?:the )?dependenc\w*|newer version",
        "Migration": r"migrat\w*|port (?:it |this )?(?:to|from)|convert\w*|replace \S+ (?:with|by)",
    },
    "refactoring_and_optimization": {
        "Refactoring": r"refactor\w*|clean ?up|renam\w*|restructur\w*|simplif\w*|split|extract|dead code",
        "Performance": r"optimi[sz]\w*|performance|faster|slow\w*|speed|memory|latency",
    },
    "research_and_exploration": {
        "Research": r"research|investigat\w*|explor\w*|compar\w*|evaluat\w*|find out|look into",
        "Prototype": r"prototyp\w*|proof of concept|poc|spikes?|experiment\w*",
    },
    "unit_test_generation": {
        "Unit tests": r"unit ?tests?|tests? for|write tests?|add tests?|test cases?|coverage|pytest|jest",
        "Other tests": r"integration tests?|e2e|end.to.end|property tests?",
    },
}  # fmt: skip
OTHER, UNRESOLVED = "other", "Other"
_WORDS = {
    category: {name: re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE) for name, words in kinds.items()}
    for category, kinds in RULES.items()
}
LANGUAGES = {
    ".py": "Python", ".js": "JavaScript", ".jsx": "JavaScript", ".mjs": "JavaScript", ".ts": "TypeScript",
    ".tsx": "TypeScript", ".go": "Go", ".rs": "Rust", ".java": "Java", ".kt": "Kotlin", ".c": "C", ".h": "C",
    ".cc": "C++", ".cpp": "C++", ".cs": "C#", ".rb": "Ruby", ".php": "PHP", ".swift": "Swift", ".scala": "Scala",
    ".sh": "Shell", ".sql": "SQL", ".html": "HTML", ".css": "CSS", ".tf": "Terraform",
}  # fmt: skip
TOOLS = {
    "pytest": "pytest", "unittest": "unittest", "tox": "tox", "ruff": "Ruff", "mypy": "mypy", "pip": "pip", "uv": "uv",
    "npm": "npm", "npx": "npm", "yarn": "Yarn", "pnpm": "pnpm", "jest": "Jest", "tsc": "TypeScript compiler",
    "eslint": "ESLint", "cargo": "Cargo", "go": "Go tools", "mvn": "Maven", "gradle": "Gradle", "make": "Make",
    "cmake": "CMake", "docker": "Docker", "kubectl": "Kubernetes", "terraform": "Terraform", "helm": "Helm",
    "psql": "PostgreSQL", "sqlite3": "SQLite", "git": "Git", "curl": "curl", "bundle": "Bundler",
    "composer": "Composer",
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z][\w.+-]*")
_TEST_FILE = re.compile(r"(^|/)(tests?|spec|__tests__)(/|$)|(^|/)test_|[._](test|spec)\.[a-z]+$", re.IGNORECASE)
_CI_FILE = re.compile(r"(^|/)(\.github/workflows/|\.gitlab-ci|Dockerfile|docker-compose|Jenkinsfile|\.circleci/)")
_DOC_FILE = re.compile(r"\.(md|rst|adoc)$|(^|/)docs/", re.IGNORECASE)
OF_FILES = (
    (_CI_FILE, "ci_cd_and_devops"), (_TEST_FILE, "unit_test_generation"), (_DOC_FILE, "documentation_and_content"),
)  # fmt: skip
"""A category of which all changed files are."""
TITLE, PROMPT, LATER, FILES = 30, 20, 5, 40
"""Weights of one kind of words in title or playbook, in the prompt and in later messages; of what files say."""


@dataclass(frozen=True, slots=True)
class Classified:
    """What a session was about."""

    category: str
    subcategory: str
    confidence: float
    languages: list[str]
    tools: list[str]

    def shown(self) -> dict[str, Any]:
        return {
            "category": self.category, "confidence": self.confidence, "programming_languages": self.languages,
            "tools_and_frameworks": self.tools,
        }  # fmt: skip


def classify(facts: Facts, title: str | None) -> Classified:
    """The category with the greatest score, if any has one."""
    scores, kinds = _of_words(facts, title)
    for name in _of_files(facts):
        scores[name] += FILES
    total = sum(scores.values())
    if not total:
        return Classified(OTHER, UNRESOLVED, 0.0, _languages(facts), _tools(facts))
    category = max(scores, key=lambda one: (scores[one], -list(RULES).index(one)))
    inside = [(score, -place, name) for place, (name, score) in enumerate(kinds[category].items()) if score]
    subcategory = max(inside)[2] if inside else UNRESOLVED
    confidence = round(scores[category] / total, 2)
    return Classified(category, subcategory, confidence, _languages(facts), _tools(facts))


def _of_words(facts: Facts, title: str | None) -> tuple[Counter[str], dict[str, Counter[str]]]:
    texts = [(TITLE, title or ""), (TITLE, facts.playbook or "")]
    texts += [(PROMPT, text) for text in facts.asked[:1]] + [(LATER, text) for text in facts.asked[1:20]]
    scores: Counter[str] = Counter()
    kinds: dict[str, Counter[str]] = {category: Counter() for category in RULES}
    for weight, text in texts:
        for category, words in _WORDS.items():
            for name, pattern in words.items():
                found = len({one.lower() for one in pattern.findall(text[:20_000])})
                gained = weight * min(found, 3)
                kinds[category][name] += gained
                scores[category] += gained
    return scores, kinds


def _of_files(facts: Facts) -> list[str]:
    paths = list(facts.changed)
    return [name for pattern, name in OF_FILES if paths and all(pattern.search(one) for one in paths)]


def _languages(facts: Facts) -> list[str]:
    found = Counter(LANGUAGES.get(PurePosixPath(one).suffix.lower(), "") for one in facts.changed)
    return [name for name, _ in found.most_common() if name][:10]


def _tools(facts: Facts) -> list[str]:
    found = Counter(TOOLS[word] for one in facts.commands for word in set(_WORD.findall(one.text)) if word in TOOLS)
    return [name for name, _ in found.most_common(12)]
