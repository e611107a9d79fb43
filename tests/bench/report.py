# SPDX-License-Identifier: Apache-2.0
"""Results as a table for the terminal and as a part of docs/performance.md. Pure: text from data."""
import rows
import stats

BEGIN = "<!-- figures: written by ./dev bench --write -->"
END = "<!-- end of figures -->"


def describe(target, row, titles):
    """A target in words, from the point of view of imgc."""
    other = titles.get(target.tool, target.tool)
    limit = f"{target.limit:g}"
    prefix = "" if target.subject == "imgc" else "directory form: "
    if target.kind == "slower":
        return f"{prefix}{other} ≥ {limit} times slower"
    if target.kind == "within":
        return f"{prefix}≤ {limit} times {other}"
    return f"{prefix}≤ {stats.show(target.limit, row.unit)}"


def verdict_text(target, row, samples):
    """What was measured, and whether that is enough."""
    verdict = stats.judge(target, samples)
    if verdict.met is None:
        return "not measured", "-"
    measured = (stats.show(verdict.measured, row.unit) if target.kind == "below"
                else f"{stats.three(verdict.measured)} times")
    return measured, "yes" if verdict.met else "**no**"


ORDER = ["imgc", "imgc-directory", "small", "layers", "pipeline"]


def place(item):
    """Sorts tools: our own first, the others in the order they were started."""
    return ORDER.index(item[0]) if item[0] in ORDER else len(ORDER)


def row_lines(row, result, titles):
    """One line for each tool: title, median, least, most, ratio to imgc, count."""
    ours = stats.summary(result["samples"].get("imgc"))
    lines = []
    for tool, samples in sorted(result["samples"].items(), key=place):
        s = stats.summary(samples)
        if s is None:
            continue
        ratio = f"{stats.three(s.median / ours.median)}" if ours else "-"
        lines.append([titles.get(tool, tool), stats.show(s.median, row.unit),
                      stats.show(s.least, row.unit), stats.show(s.most, row.unit), ratio,
                      str(s.count)])
    for tool, reason in result["failed"].items():
        lines.append([titles.get(tool, tool), "not measured: " + reason, "", "", "", ""])
    return lines


HEAD = ["tool", "median", "least", "most", "times imgc", "runs"]


def columns(lines):
    """Lines of cells as text in columns; a long second cell with nothing after it stays long."""
    full = [line for line in lines if any(line[2:])]
    widths = [max((len(line[i]) for line in full), default=0) for i in range(len(HEAD))]
    widths[0] = max(len(line[0]) for line in lines)
    out = []
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) if any(line[2:]) else cell
                  for cell, width in zip(line[1:], widths[1:])]
        out.append("  ".join(cells).rstrip())
    return out


def terminal(data):
    """The whole report as plain text."""
    titles = data["titles"]
    out = []
    for row in rows.ROWS:
        result = data["rows"].get(row.name)
        if result is None:
            continue
        out += ["", f"{row.name}: {row.title}"]
        out += ["  " + line for line in columns([HEAD, *row_lines(row, result, titles)])]
        for target in row.targets:
            measured, met = verdict_text(target, row, result["samples"])
            mark = {"yes": "met", "**no**": "NOT MET", "-": "open"}[met]
            out.append(f"  target {describe(target, row, titles)}: {measured}, {mark}")
    return "\n".join(out) + "\n"


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def table(head, lines):
    """A markdown table."""
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return out + ["| " + " | ".join(cell(c) for c in line) + " |" for line in lines]


def markdown(data):
    """What stands between the marks in docs/performance.md."""
    titles = data["titles"]
    targets = []
    details = []
    for row in rows.ROWS:
        result = data["rows"].get(row.name)
        if result is None:
            continue
        for target in row.targets:
            measured, met = verdict_text(target, row, result["samples"])
            targets.append([row.title, describe(target, row, titles), measured, met])
        details += ["", f"### {row.title[0].upper()}{row.title[1:]} (`{row.name}`)", ""]
        details += table(HEAD, row_lines(row, result, titles))
        if result["commands"]:
            details += ["", "```sh"]
            details += [f"{command}    # {titles.get(tool, tool)}"
                        for tool, command in sorted(result["commands"].items(), key=place)]
            details += ["```"]
    machine = [[key, value] for key, value in data["machine"].items()]
    versions = [[key, value] for key, value in data["versions"].items()]
    out = ["## Targets", "", *table(["work", "target", "measured", "met"], targets), "",
           "## The machine", "", *table(["", ""], machine), "",
           "## Versions", "", *table(["", ""], versions), "",
           "## The images", "",
           *table(["image", "layers", "compressed", "unpacked", "entries"], data["images"]), "",
           "## Figures", "", *[line for note in data["notes"] for line in (f"* {note}", "")],
           "Medians, the least and the most. *times imgc*: the median divided by that of imgc in its"
           " first form.", *details]
    return "\n".join(out) + "\n"


def insert(document, figures):
    """document with the part between the marks replaced."""
    head, mark, rest = document.partition(BEGIN)
    old, end, tail = rest.partition(END)
    if not mark or not end:
        raise ValueError("the document has no marks for the figures")
    del old
    return f"{head}{BEGIN}\n\n{figures}\n{END}{tail}"
