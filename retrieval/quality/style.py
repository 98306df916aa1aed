"""The look of the report: two grounds, one accent, system fonts, and one column on a phone."""

STYLE = """
:root { color-scheme: light dark;
  --ground: #ffffff; --raised: #f7f7f4; --line: #dfdfd9; --ink: #1c1f21; --quiet: #595e63; --accent: #0a6868;
  --mark: #fcefb4; --tint: #e6f1f0; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #15181a; --raised: #1e2325; --line: #32383b; --ink: #e8e9e6; --quiet: #a5acb0; --accent: #63c6be;
  --mark: #574a16; --tint: #1d3331; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.35rem; margin: 3.25rem 0 .25rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0; display: inline; }
p { margin: 0; }
a { color: var(--accent); }
.quiet { color: var(--quiet); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .75rem;
  margin: 1.75rem 0; padding: 0; list-style: none; }
.tiles a { display: block; height: 100%; padding: .8rem .95rem; border: 1px solid var(--line); border-radius: 10px;
  background: var(--raised); color: inherit; text-decoration: none; }
.tiles a:hover, .tiles a:focus-visible { border-color: var(--accent); }
.tiles b { display: block; font-size: 1.65rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tiles .none b { color: var(--quiet); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: 1rem; border: 1px solid var(--line); border-radius: 10px; min-width: 0; }
figure svg { display: block; width: 100%; max-width: 30rem; height: auto; }
figcaption { font-weight: 600; margin-bottom: .5rem; }
figcaption span { display: block; font-weight: 400; font-size: .875rem; color: var(--quiet); }
details { margin: 1rem 0 0; }
summary { cursor: pointer; padding: .35rem 0; }
summary .count { color: var(--quiet); margin-left: .35rem; font-variant-numeric: tabular-nums; }
.findings { list-style: none; margin: .35rem 0 0; padding: 0; }
.findings > li { padding: .95rem 0; border-top: 1px solid var(--line); }
.findings > li:first-child { border-top: 0; }
.what { font-weight: 600; overflow-wrap: anywhere; }
.remedy { font-size: .9375rem; color: var(--quiet); }
.places { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: .75rem;
  margin-top: .65rem; }
.place { min-width: 0; padding: .7rem .85rem; border-radius: 8px; background: var(--raised); overflow-wrap: anywhere; }
.place cite { display: block; font-style: normal; font-size: .875rem; color: var(--quiet); }
.place cite b { color: var(--ink); font-weight: 600; }
.place blockquote { margin: .35rem 0 0; white-space: pre-line; }
.place small { display: block; margin-top: .35rem; color: var(--quiet); font-size: .8125rem; }
mark { background: var(--mark); color: inherit; border-radius: 3px; padding: 0 .15em; }
.examples { margin: .4rem 0 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
.more { color: var(--quiet); padding: .5rem 0; }
@media (max-width: 600px) { main { padding: 1.5rem 1rem 3rem; } h1 { font-size: 1.5rem; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } figure { padding: .75rem; } }
@media print { details { break-inside: avoid-page; } .tiles a { background: none; } }
"""
