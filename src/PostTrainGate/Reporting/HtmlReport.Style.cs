namespace PostTrainGate.Reporting;

public sealed partial class HtmlReport
{
    private const string Style = """
        :root { --ink: #1f2328; --quiet: #59636e; --line: #d1d9e0; --page: #ffffff; --card: #f6f8fa; --good: #1a7f37;
        --bad: #cf222e; --open: #9a6700; --mark: #0969da }
        @media screen and (prefers-color-scheme: dark) { :root { --ink: #f0f6fc; --quiet: #9198a1; --line: #3d444d;
        --page: #0d1117; --card: #151b23; --good: #3fb950; --bad: #f85149; --open: #d29922; --mark: #4493f8 } }
        body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; background: var(--page); color: var(--ink);
        font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
        h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.15rem; margin: 1.8rem 0 .5rem }
        h3 { font-size: 1rem; margin: 0 0 .5rem }
        h3 small, .quiet { color: var(--quiet); font-weight: normal }
        header { border-left: .4rem solid var(--open); padding: .2rem 1rem }
        header.passed { border-color: var(--good) } header.failed { border-color: var(--bad) }
        section { background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .8rem 1rem;
        margin: .6rem 0 }
        .gate { display: flex; flex-wrap: wrap; gap: 1rem; align-items: center }
        .gate .scroll { flex: 2 1 22rem; min-width: 0 }
        .gate figure { flex: 1 1 18rem; min-width: 0 } .gate > svg { min-width: 0 }
        svg { flex: 1 1 20rem; max-width: 30rem }
        table { border-collapse: collapse } th { text-align: left; font-weight: 600 }
        td, th { padding: .15rem .8rem .15rem 0; vertical-align: top }
        .gate th { white-space: nowrap } .gate tr > td:nth-child(2) { white-space: nowrap }
        .gate > .scroll td:nth-child(3) { min-width: 10.5rem }
        .gate small { white-space: normal } summary { cursor: pointer } footer { margin-top: 1rem }
        :focus-visible { outline: 2px solid var(--mark); outline-offset: 2px }
        .wide td, .wide th { border-bottom: 1px solid var(--line); padding: .3rem .8rem .3rem 0 }
        code, pre { font: 13px/1.45 ui-monospace, monospace; background: var(--card); border-radius: .25rem;
        padding: .1rem .3rem } pre { padding: .7rem; overflow: auto; white-space: pre-wrap }
        .fragile { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: start;
        border-top: 1px solid var(--line); padding: .5rem 0 } .fragile p { flex: 1 0 100%; margin: 0 }
        figure { margin: 0 } figure img { width: 9rem; image-rendering: pixelated; border: 1px solid var(--line) }
        figcaption { color: var(--quiet); font-size: .85rem }
        text { fill: var(--quiet); font: 11px system-ui, sans-serif }
        .axis { stroke: var(--line) } .threshold { stroke: var(--mark); stroke-width: 2; stroke-dasharray: 4 3 }
        .pass { stroke: var(--good); fill: var(--good) } .fail { stroke: var(--bad); fill: var(--bad) }
        .gate th { min-width: 3.2rem } .scroll { overflow-x: auto } .scroll table { overflow-wrap: normal }
        caption { text-align: left; font-weight: 600; padding: .3rem 0 }
        .figures td { font-variant-numeric: tabular-nums; min-width: 3rem }
        .figures small { white-space: nowrap } .figures th small { white-space: normal }
        .figures [scope=row] { font-weight: normal; min-width: 8rem } small { color: var(--quiet) }
        .frontier { background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .8rem 1rem;
        margin: .6rem 0; break-inside: avoid; display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: center }
        .frontier svg { flex: 2 1 19rem; max-width: 36rem } .frontier figcaption { flex: 1 1 14rem }
        @media (max-width: 32rem) { body { padding: 1rem } .frontier text { font-size: 13px }
        .figures td, .figures th { padding-right: .5rem; font-size: .87rem } .figures [scope=row] { min-width: 6rem } }
        .step { fill: none; stroke: var(--mark); stroke-width: 1.5 }
        .option { fill: var(--mark); fill-opacity: .5 }
        .leading { fill-opacity: 1; stroke: var(--card) } .other { fill: var(--quiet); fill-opacity: .55 }
        .hollow { fill: none; stroke: var(--quiet) } .ring { fill: none; stroke: var(--ink); stroke-width: 2 }
        .source { fill: var(--ink); stroke: var(--card) } .label { fill: var(--ink);
        font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 3 }
        .bound { fill: var(--mark) }
        .trend { display: flex; flex-wrap: wrap; gap: .3rem 1rem; align-items: center; margin: .6rem 0 0 }
        .trend figcaption { flex: 1 1 12rem } .shift { stroke: var(--ink); stroke-width: 1.5 }
        .band { fill: var(--quiet); fill-opacity: .15 }
        .course { fill: none; stroke: var(--quiet); stroke-width: 1.5 }
        @media print { body { max-width: none; padding: 0 } h2, h3 { break-after: avoid }
        section, figure { break-inside: avoid }
        summary { list-style: none } details::details-content { content-visibility: visible; block-size: auto }
        .scroll { overflow: visible } .scroll table, .gate th, .gate tr > td:nth-child(2) {
        overflow-wrap: anywhere; white-space: normal } }
        .open { stroke: var(--open); fill: var(--open) } .none { stroke: var(--quiet); fill: var(--quiet) }
        """;
}
