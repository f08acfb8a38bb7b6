using System.Globalization;
using System.Xml.Linq;
using CsCheck;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Repairs;
using PostTrainGate.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Reporting;

public class CandidateTests
{
    // Few different values, so that ties and copies are common.
    private static readonly Gen<CandidateSummary> One = Gen.Select(
        Gen.Int[0, 4],
        Gen.Int[0, 4],
        Gen.Int[0, 3],
        Gen.Int[0, 3],
        Gen.Int[0, 9],
        (accuracy, gap, harm, churn, kind) =>
            kind switch
            {
                0 => new CandidateSummary("lossy", false, null, accuracy / 10.0, false),
                1 => new CandidateSummary("untried", false, null, null, false, "no data"),
                _ => new CandidateSummary("tried", true, gap, 0.5 + accuracy / 10.0, false)
                {
                    Harm = harm,
                    Churn = churn / 10.0,
                    Blocked = kind == 2,
                },
            }
    );

    private static readonly Gen<RepairSummary> Any = Gen.Select(
        One.List[1, 40],
        Gen.Int[-1, 39],
        Gen.Bool,
        (all, chosen, hasSource) =>
            Repair([
                .. all.Select((c, i) => c with { Method = $"{c.Method} {i}", Chosen = i == chosen && Tried(c) }),
            ]) with
            {
                Source = hasSource ? new(2, 0.7) : null,
            }
    );

    [Fact]
    public void The_frontier_is_what_nothing_open_is_as_good_as_and_better_than() =>
        Any.Sample(repair =>
        {
            var open = repair.Candidates.Where(c => c is { Admissible: true, Blocked: false }).ToArray();
            var options = open.Select(Figures).ToList();
            if (repair.Source is { } s)
                options.Add([-s.Accuracy, s.Gap, 0, 0]);
            // By the definition, on figures alone: copies stand for one another.
            var expected = open.Select(Figures)
                .Where(f => !options.Any(o => Beats(o, f)))
                .Where(f => repair.Source is not { } it || !f.SequenceEqual([-it.Accuracy, it.Gap, 0, 0]))
                .Select(Words)
                .Distinct()
                .Order(StringComparer.Ordinal);
            var frontier = Candidates.Frontier(repair);
            Assert.Equal(expected, frontier.Select(Figures).Select(Words).Order(StringComparer.Ordinal));
            Assert.Equal(
                frontier.OrderByDescending(c => c.Accuracy).Select(c => c.Accuracy),
                frontier.Select(c => c.Accuracy)
            );
        });

    [Fact]
    public void Options_are_few_hold_the_chosen_one_and_the_rest_is_counted() =>
        Any.Sample(repair =>
        {
            var options = Candidates.Options(repair, 3);
            Assert.InRange(options.Length, 0, 3);
            Assert.All(repair.Candidates.Where(c => c.Chosen), c => Assert.Contains(c, options));
            var rest = repair.Candidates.Count(Tried) - options.Length;
            var numbers = Candidates
                .Others(repair, options)
                .Split(' ')
                .Where(w => w.Length > 0 && char.IsDigit(w[0]))
                .Select(w => int.Parse(w, CultureInfo.InvariantCulture))
                .ToArray();
            Assert.Equal(rest, numbers.FirstOrDefault());
            Assert.Equal(rest, numbers.Skip(1).Sum());
        });

    [Fact]
    public void The_picture_holds_the_chosen_one_and_the_frontier_within_its_bounds() =>
        Any.Sample(
            repair =>
            {
                var text = FrontierPicture.Draw(repair);
                if (!repair.Candidates.Any(c => c.Gap is not null))
                {
                    Assert.Empty(text);
                    return;
                }

                var svg = XElement.Parse(text).Element("svg")!;
                var points = svg.Elements("circle").Where(c => (string)c.Attribute("class")! != "ring").ToArray();
                Assert.Equal(repair.Candidates.Count(c => c.Gap is not null), points.Length);
                Assert.Equal(repair.Candidates.Count(c => c.Blocked), Of(points, "hollow"));
                Assert.Equal(Candidates.Frontier(repair).Length, Of(points, "option"));
                Assert.Equal(
                    repair.Candidates.Count(c => c is { Chosen: true, Gap: not null }),
                    Of(svg.Elements("circle"), "ring")
                );
                Assert.Equal(repair.Source is null ? 0 : 1, svg.Elements("rect").Count());
                Assert.All(points, p => Assert.InRange((double)p.Attribute("cx")!, 44, 378));
                Assert.All(points, p => Assert.InRange((double)p.Attribute("cy")!, 14, 210));
                Assert.Equal("img", (string)svg.Attribute("role")!);
                Assert.All(((string)svg.Attribute("aria-labelledby")!).Split(' '), id =>
                    Assert.NotEmpty(svg.Elements().Single(e => (string?)e.Attribute("id") == id).Value)
                );
            },
            iter: 500
        );

    [Fact]
    public void A_better_candidate_is_further_right_or_lower()
    {
        var svg = XElement
            .Parse(FrontierPicture.Draw(Repair(Tried("a", 0.7, 2), Tried("b", 0.8, 3), Tried("c", 0.75, 1))))
            .Element("svg")!;
        var at = svg.Elements("circle")
            .ToDictionary(
                c => c.Element("title")!.Value[..1],
                c => (X: (double)c.Attribute("cx")!, Y: (double)c.Attribute("cy")!)
            );
        Assert.True(at["b"].X > at["c"].X && at["c"].X > at["a"].X);
        Assert.True(at["c"].Y > at["a"].Y && at["a"].Y > at["b"].Y);
        // The line goes from the most accurate to what lacks least, past the one that is beaten.
        Assert.Equal(
            FormattableString.Invariant($"{at["b"].X},{at["b"].Y} {at["c"].X},{at["c"].Y}"),
            (string)svg.Element("polyline")!.Attribute("points")!
        );
    }

    [Fact]
    public void A_picture_of_thousands_is_bounded_and_says_what_it_leaves_out()
    {
        var many = Enumerable
            .Range(0, 5000)
            .Select(i => Tried($"m{i}", 0.7 + i % 71 / 1000.0, i % 89) with { Chosen = i == 4321 });
        var text = FrontierPicture.Draw(Repair([.. many]));
        var svg = XElement.Parse(text).Element("svg")!;
        Assert.Equal(FrontierPicture.MostPoints + 1, svg.Elements("circle").Count()); // and a ring
        Assert.Contains(svg.Elements("circle"), c =>
            (c.Element("title")?.Value ?? "").StartsWith("m4321:", StringComparison.Ordinal)
        );
        Assert.Contains("Not drawn: 4,850 more.", text, StringComparison.Ordinal);
        Assert.InRange(text.Length, 1000, 40_000);
    }

    [Theory]
    [InlineData(null, "The time limit came before the effort was spent; a longer limit may find more.")]
    [InlineData(3600.0, "The time limit of 1h came before the effort was spent; a longer limit may find more.")]
    [InlineData(5400.0, "The time limit of 1h30m came before the effort was spent; a longer limit may find more.")]
    [InlineData(90061.0, "The time limit of 25h1m1s came before the effort was spent; a longer limit may find more.")]
    public void A_repair_out_of_time_says_so(double? limit, string sentence)
    {
        var repair = Repair() with { StoppedEarly = true, TimeLimit = limit };
        Assert.Equal(sentence, GateText.StoppedEarly(repair));
        Assert.Null(GateText.StoppedEarly(repair with { StoppedEarly = false }));
    }

    [Theory]
    [InlineData(1, 1, 0, "repairs the failed gate")]
    [InlineData(2, 2, 0, "repairs both failed gates")]
    [InlineData(3, 3, 0, "repairs all 3 failed gates")]
    [InlineData(2, 1, 0, "repairs 1 of 2 failed gates")]
    [InlineData(3, 1, 1, "repairs 1 of 3 failed gates and improves 1 to inconclusive")]
    [InlineData(1, 0, 1, "improves the failed gate to inconclusive")]
    [InlineData(3, 0, 1, "improves 1 of 3 failed gates to inconclusive")]
    [InlineData(2, 0, 2, "improves both failed gates to inconclusive")]
    public void Only_a_gate_that_passes_is_repaired(int failed, int repaired, int open, string words) =>
        Assert.Equal(
            words,
            RepairRun.Improvement([.. Enumerable.Repeat(Judged(Verdict.Fail), failed)], repaired, open)
        );

    [Fact]
    public void A_gate_without_a_verdict_is_not_called_failed()
    {
        GateReport[] wrong = [Judged(Verdict.Fail), Judged(Verdict.Inconclusive)];
        Assert.Equal("repairs 1 of 2 failed or inconclusive gates", RepairRun.Improvement(wrong, 1, 0));
        Assert.Equal("repairs both inconclusive gates", RepairRun.Improvement([wrong[1], wrong[1]], 2, 0));
    }

    // Two draws of the control range from 0.22 to 0.24.
    [Theory]
    [InlineData("counterfactual_flip_rate", 0.219, true)]
    [InlineData("counterfactual_flip_rate", 0.222, false)]
    [InlineData("robust_accuracy", 0.241, true)]
    [InlineData("robust_accuracy", 0.24, false)]
    [InlineData("statistical_parity_difference", -0.21, true)]
    [InlineData("statistical_parity_difference", -0.23, false)]
    [InlineData("disparate_impact", 0.25, true)]
    [InlineData("disparate_impact", 0.23, false)]
    public void A_repair_gains_more_than_chance_where_no_draw_of_the_control_comes_as_far(
        string metric,
        double value,
        bool gains
    )
    {
        var of = Catalog.Default.Get<IMetric>(metric);
        var rule = of.Better is Better.Higher or Better.NearOne
            ? new GateRule { Metric = of, Min = 0.9 }
            : new GateRule { Metric = of, Max = 0.1 };
        var noise = new MeasuredValue(0.23, 0.22, 0.24, 100, Verdict.Fail);
        Assert.Equal(gains, NullControl.IsBeaten(rule, noise, noise with { Value = value }));
    }

    private static GateReport Judged(Verdict verdict) =>
        SampleResults.Passed.Gates[0] with
        {
            Original = SampleResults.Passed.Gates[0].Original with { Verdict = verdict },
        };

    [Fact]
    public void What_gets_worse_is_told_gravest_first()
    {
        HarmReport Harm(string title, double worsening, HarmStanding standing) =>
            new()
            {
                Kind = HarmKind.ClassAccuracy,
                Title = title,
                Before = 0.7,
                After = 0.7 - worsening,
                Worsening = worsening,
                Lower = worsening - 0.05,
                Upper = worsening + 0.05,
                Standing = standing,
            };
        var repair = Repair() with
        {
            Harm =
            [
                Harm("better", -0.1, HarmStanding.None),
                Harm("accepted", 0.3, HarmStanding.Accepted),
                Harm("perhaps", 0.04, HarmStanding.Possible),
                Harm("rounding", 0.001, HarmStanding.None),
                Harm("grave", 0.06, HarmStanding.Blocks),
                Harm("graver", 0.2, HarmStanding.Blocks),
            ],
        };
        Assert.Equal(["graver", "grave", "perhaps", "accepted"], HarmText.Worsened(repair).Select(h => h.Title));
        Assert.Equal(
            [
                "blocks the repair",
                "worse, may be chance",
                "worse, accepted by the policy",
                "no worse",
                "a little worse",
            ],
            HarmText.Ordered(repair).Skip(1).Select(HarmText.Words)
        );
        Assert.Equal(
            "perhaps: 0.700 → 0.660, worse by 0.040 [-0.010, 0.090]; may be chance",
            HarmText.Line(repair.Harm[2])
        );
        Assert.Null(HarmText.Nothing(repair));
        Assert.Null(HarmText.Nothing(Repair()));
        Assert.Equal(
            "None of 2 other measures got worse by an amount that matters.",
            HarmText.Nothing(repair with { Harm = [repair.Harm[0], repair.Harm[3]] })
        );
    }

    private static int Of(IEnumerable<XElement> elements, string style) =>
        elements.Count(e => ((string)e.Attribute("class")!).Split(' ')[0] == style);

    private static bool Tried(CandidateSummary c) => c.Accuracy is not null;

    private static CandidateSummary Tried(string method, double accuracy, double gap) =>
        new(method, true, gap, accuracy, false) { Harm = 0, Churn = 0.1 };

    private static RepairSummary Repair(params CandidateSummary[] candidates) =>
        new()
        {
            Proposed = false,
            Reason = "",
            Candidates = [.. candidates],
        };

    private static double[] Figures(CandidateSummary c) =>
        [-c.Accuracy!.Value, c.Gap!.Value, c.Harm!.Value, c.Churn!.Value];

    private static bool Beats(double[] a, double[] b) =>
        a.Zip(b).All(p => p.First <= p.Second) && a.Zip(b).Any(p => p.First < p.Second);

    private static string Words(double[] figures) => string.Join(' ', figures);
}
