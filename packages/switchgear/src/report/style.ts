// How a report looks, in light and in dark. The colours of the runs differ in hue and in lightness, and the second line is
// dashed, so that a print in grey and an eye that confuses red and green can still tell them apart.

const light =
  '--page:#fbfbfa;--card:#fff;--ink:#1c2024;--soft:#60646c;--line:#e3e4e8;--grid:#eceef0;--bad:#d33c43;--band:#e5484d;--band-fill:.08;' +
  '--tone0:#0b68cb;--tone1:#c2610c;--tone2:#7a3fb8;--tone3:#0a7f6b;--closed:#cfe6d6;--half:#f0b429;--open:#d33c43;--good:#18794e;'
const dark =
  '--page:#111315;--card:#191c1f;--ink:#eceef0;--soft:#9ba1a8;--line:#2d3136;--grid:#26292d;--bad:#ff7a80;--band:#ff6369;--band-fill:.12;' +
  '--tone0:#5fb0ff;--tone1:#ff9f50;--tone2:#c39bf5;--tone3:#4fd1b5;--closed:#22412f;--half:#d9a520;--open:#e5565c;--good:#4cc38a;'

/** Of the drawings; also all the style there is in a report that is a drawing. */
export const drawingStyle: string = `
:root{color-scheme:light dark;${light}}
@media (prefers-color-scheme:dark){:root{${dark}}}
svg{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;font-variant-numeric:tabular-nums}
text{fill:var(--ink)}
.title{font-weight:600;font-size:13px}
.soft{fill:var(--soft);font-size:11px}
.grid{stroke:var(--grid);stroke-width:1}
.base{stroke:var(--line);stroke-width:1}
.band{fill:var(--band);fill-opacity:var(--band-fill)}
.edge{stroke:var(--band);stroke-opacity:.45;stroke-dasharray:2 3}
.outage{fill:var(--bad);font-size:11px;font-weight:600}
.run{fill:none;stroke-width:1.9;stroke-linejoin:round;stroke-linecap:round}
.tone0{stroke:var(--tone0)}.tone1{stroke:var(--tone1);stroke-dasharray:5 3.5}.tone2{stroke:var(--tone2)}.tone3{stroke:var(--tone3);stroke-dasharray:2 3}
.offered{fill:none;stroke:var(--soft);stroke-width:1;stroke-dasharray:1 3}
.area{fill:var(--tone0);fill-opacity:.09;stroke:none}
.dot0{fill:var(--tone0);stroke:none}.dot1{fill:var(--tone1);stroke:none}.dot2{fill:var(--tone2);stroke:none}.dot3{fill:var(--tone3);stroke:none}
.hit{fill:transparent}.hit:hover{fill:var(--soft);fill-opacity:.16}
rect.closed,rect.half,rect.open{shape-rendering:crispEdges}.closed{fill:var(--closed)}.half{fill:var(--half)}.open{fill:var(--open)}
.sheet{fill:var(--page)}
`.trim()

/** Of the page around the drawings. */
export const pageStyle: string = `
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:1040px;margin:0 auto;padding:36px 28px 60px}
h1{font-size:25px;line-height:1.25;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:20px;margin:48px 0 4px;padding-top:28px;border-top:1px solid var(--line)}
h3{font-size:14px;margin:30px 0 8px}
p{margin:0 0 10px}
.lead{font-size:17px;color:var(--soft);margin:0 0 14px}
.facts{color:var(--soft);font-size:13px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px;margin:20px 0 22px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 14px;display:flex;flex-direction:column}
.tile .name{color:var(--soft);font-size:12.5px}
.tile .value{margin-top:auto;font-size:25px;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}
.tile .beside{font-size:12.5px;color:var(--soft)}
.better{color:var(--good)}.worse{color:var(--bad)}
.key{display:flex;flex-wrap:wrap;gap:6px 20px;font-size:13px;margin:0 0 10px;align-items:center}
.key span{display:inline-flex;gap:7px;align-items:center}
.key svg{display:block}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px 6px;margin:0 0 12px}
.card svg{display:block;width:100%;height:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums;background:var(--card);border:1px solid var(--line)}
th,td{padding:6px 12px;text-align:right;border-top:1px solid var(--grid)}
th:first-child,td:first-child{text-align:left;font-weight:400}
thead th{font-weight:600;border-top:0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
td.part,th.part{padding-left:28px;color:var(--soft)}
a{color:var(--tone0)}
footer{margin-top:44px;color:var(--soft);font-size:12.5px}
@media print{main{padding:0}.card,.tile,tr{break-inside:avoid}}
@media (max-width:640px){main{padding:20px 14px 40px}th,td{padding:5px 7px;font-size:13px}}
`.trim()
