using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Repairs;

namespace PostTrainGate.Tests.Reporting;

internal static partial class SampleResults
{
    /// <summary>Everything that a policy, a model or a data file can name is an attack on the page.</summary>
    public static GateResult Hostile =>
        Finish(
            Base([
                Gate(
                    "accuracy",
                    Evil,
                    "at least 0.9 | **bold**",
                    21,
                    Better.Higher,
                    new(0.757, 0.705, 0.802, 300, Verdict.Fail)
                    {
                        Breakdowns =
                        [
                            new(Evil, [new(Evil, 0.5, 0.4, 0.6, 100), new("</svg><script>", null, null, null, 0)]),
                        ],
                        Fragile =
                        [
                            new(3, Evil, "</b><script>", 0.1)
                            {
                                Place = "<img src=x>.csv, line 3",
                                Columns = [new("<td>|", "'\"><script>", "-->")],
                                MoreColumns = 2,
                            },
                        ],
                    }
                ) with
                {
                    Min = 0.9,
                },
                Gate(
                    "statistical_parity_difference",
                    "spd by \u202Egrp</td></tr>\n## Title\u0000",
                    "at most 0.1 in absolute value",
                    22,
                    Better.NearZero,
                    new(
                        null,
                        null,
                        null,
                        0,
                        Verdict.NotMeasured,
                        "```\n</details>::error::boom <img src=x onerror=alert(1)>"
                    )
                ),
            ]) with
            {
                Policy = "a|b`c\\d/[x](http://evil.example)/--> @octocat.yml",
                Model = new("models/`x`|<b>.onnx", "<script>", "logits -->", 2, 5602),
                Repair = new RepairSummary
                {
                    Proposed = true,
                    Reason =
                        "see www.evil.example, mail me@evil.example, fixes #1 and GH-2, :tada: $x^2$ _a_ ~~b~~ "
                        + "![i](http://e/x.png)",
                    Method = "</summary>|",
                    Output = "$(touch /tmp/pwned)`|.onnx",
                    Details = ImmutableSortedDictionary<string, string>.Empty.Add("a|b", "c|d\n| e |"),
                    AccuracyBefore = new(0.757, 0.705, 0.802, 300, Verdict.Fail),
                    AccuracyAfter = new(0.75, 0.698, 0.796, 300, Verdict.Pass),
                    Harm = [Harm(HarmKind.ClassAccuracy, $"accuracy of {Evil}", 0.9, 0.7, HarmStanding.Blocks)],
                    Candidates =
                    [
                        new("x|y", true, 1, 1, true, "<!-- \ud800 lone") { Harm = 1, Churn = 1 },
                        new("</title></svg><script>", true, 2, 1, false),
                        new("<b>", false, null, null, false, Evil),
                    ],
                },
                Diagnostics =
                [
                    new(
                        DiagnosticCodes.PolicyChanged,
                        "[click](javascript:alert(1)) ]]> &amp; \u001b[31m",
                        new SourcePosition("p%3A|,\n::warning::.yml", 3, 1),
                        Severity.Warning
                    ),
                ],
                Reproduce = "posttraingate check 'a```\n```b'",
            }
        );

    private const string Evil =
        "a|b <script>alert(1)</script> `code` **bold** @octocat #1 org/repo#2 [l](http://evil.example) "
        + "https://evil.example \\| &lt;";

    /// <summary>More of everything than a comment can hold.</summary>
    public static GateResult Huge(int gates, int candidates) =>
        Finish(
            Base([
                .. Enumerable
                    .Range(0, gates)
                    .Select(i =>
                        Gate(
                            "accuracy",
                            $"gate {i} {new string('|', 300)}",
                            "at least 0.9",
                            i + 1,
                            Better.Higher,
                            new(0.757, 0.705, 0.802, 300, i == gates - 1 ? Verdict.Fail : Verdict.Pass)
                        ) with
                        {
                            Min = 0.9,
                        }
                    ),
            ]) with
            {
                Repair = new RepairSummary
                {
                    Proposed = false,
                    Reason = new string('<', 5000),
                    Harm =
                    [
                        .. Enumerable
                            .Range(0, candidates)
                            .Select(i =>
                                Harm(
                                    HarmKind.ClassAccuracy,
                                    $"class {i} {new string('|', 300)}",
                                    1,
                                    0,
                                    HarmStanding.Possible
                                )
                            ),
                    ],
                    Candidates =
                    [
                        .. Enumerable
                            .Range(0, candidates)
                            .Select(i => new CandidateSummary(
                                $"candidate {i}",
                                true,
                                i % 500,
                                0.5 + i % 500 / 1000.0,
                                i == candidates / 2,
                                new string('&', 300)
                            )),
                    ],
                },
            }
        );
}
