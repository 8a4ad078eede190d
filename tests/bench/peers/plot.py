"""The ratios of a report of peers.py as an SVG: a bar from quartile to quartile per case, with a
tick at the median; the line at 1 is where both are as fast."""
import html
import math

LEFT, WIDTH, LINE, TOP = 210, 560, 16, 46
COLOURS = {"onnxruntime": "#1b6ca8", "openvino": "#c2571a"}
LEAST, MOST = 0.5, 4.0


def place(ratio):
    ratio = min(max(ratio, LEAST), MOST)
    return LEFT + WIDTH * math.log(ratio / LEAST) / math.log(MOST / LEAST)


def bar(ratio, y, colour):
    low, middle, high = (place(value) for value in ratio)
    return ('<rect x="%.1f" y="%d" width="%.1f" height="5" fill="%s" opacity="0.6"/>'
            '<rect x="%.1f" y="%d" width="3" height="7" fill="%s"/>' % (
                low, y, max(high - low, 1), colour, middle - 1.5, y - 1, colour))


def ratios(report):
    results = report["results"]
    bottom = TOP + LINE * len(results)
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
             'font-family="sans-serif" font-size="11">' % (LEFT + WIDTH + 20, bottom + 24),
             '<rect width="100%" height="100%" fill="white"/>',
             '<text x="8" y="16">%s</text>' % html.escape(
                 "%s, %s; above 1: davit is faster" % (report["processor"], report["date"]))]
    for i, (name, colour) in enumerate(COLOURS.items()):
        parts.append('<text x="%d" y="34" fill="%s">%s</text>' % (LEFT + 110 * i, colour, name))
    for value in (0.5, 0.7, 1, 1.4, 2, 2.8, 4):
        parts.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>'
                     '<text x="%.1f" y="%d" text-anchor="middle">%g</text>' % (
                         place(value), TOP - 4, place(value), bottom,
                         "black" if value == 1 else "#dddddd", place(value), bottom + 14, value))
    for i, result in enumerate(results):
        y = TOP + LINE * i
        parts.append('<text x="8" y="%d">%s, %d thread%s, batch %d</text>' % (
            y + 10, html.escape(result["row"]), result["threads"],
            "" if result["threads"] == 1 else "s", result["batch"]))
        for k, (name, colour) in enumerate(COLOURS.items()):
            if "ratio" in result["engines"].get(name, {}):
                parts.append(bar(result["engines"][name]["ratio"], y + 7 * k, colour))
    return "\n".join(parts + ["</svg>", ""])
