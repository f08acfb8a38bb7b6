using PostTrainGate.Cli;
using PostTrainGate.Data;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Reporting;
using PostTrainGate.Tests.Cli;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>A policy that gates predictions which were made elsewhere.</summary>
public sealed partial class PredictionGateTests : IDisposable
{
    private const string People = """
        SELECT * FROM (VALUES
            ('a', 20, true,  'no',  'no',  0.10), ('a', 30, false, 'yes', 'no',  0.30),
            ('a', 40, NULL,  'yes', 'yes', 0.80), ('a', 50, true,  'no',  'no',  0.20),
            ('b', 20, false, 'no',  'yes', 0.60), ('b', 30, true,  'yes', 'yes', 0.90),
            ('b', 40, true,  'yes', 'yes', 0.70), ('b', 50, false, 'no',  'no',  0.40),
            (NULL, 60, true, 'no', 'yes', 0.55)) t(g, age, citizen, y, p, s), range(20)
        """;

    private const string Groups = """
        groups:
          g: { column: g, privileged: b }
          side: { column: g }
          old: { where: "age >= 40 AND citizen" }
          ages: { column: age, bins: [25, 45], min_count: 5 }
          both: { cross: [side, old] }
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("parquet")]
    [InlineData("csv")]
    [InlineData("json")]
    public async Task The_command_line_gates_predictions_and_every_report_shows_it(string kind)
    {
        PredictionFile.Write(_folder, $"people.{kind}", People);
        _folder.Write(
            "posttraingate.yml",
            $$"""
            version: 1
            data: { source: people.{{kind}}, label: y, prediction: p, score: s, favorable: yes }
            {{Groups}}
            gates:
              - accuracy: { min: 0.5 }
              - statistical_parity_difference: { group: g, max: 0.1 }
              - rate_difference: { group: side, rate: auc, max: 0.9 }
              - rate_minimum: { group: both, rate: accuracy, min: 0.1 }
              - rate_difference: { group: ages, rate: selection_rate, max: 1 }
              - disparate_impact: { group: old, min: 0.1 }
              - theil_index: { max: 0.9 }
              - accuracy: { min: 0.5, drop: 0.1 }
            report: { html: true, junit: true, sarif: true }
            """
        );
        using var place = new Workplace();
        var code = await CommandLine.RunAsync(
            ["check", _folder.Root],
            place.Host,
            TestContext.Current.CancellationToken
        );
        string Report(string name) => File.ReadAllText(_folder.Path($"posttraingate-report/{name}"));
        var result = GateJson.Parse(Report("gate-result.json"));

        Assert.Equal(1, code);
        Assert.Null(result.Model);
        Assert.Null(result.Repair);
        Assert.Equal(new DataSummary($"people.{kind}", 0, 0, 180), result.Data);
        Assert.Equal(6 / 9.0, result.Gates[0].Original.Value!.Value, 12);
        Assert.Equal(0.25 - 0.75, result.Gates[1].Original.Value!.Value, 12);
        Assert.Equal((160, Verdict.Fail), (result.Gates[1].Original.Count, result.Gates[1].Original.Verdict));
        Assert.Equal(0.0, result.Gates[2].Original.Value!.Value, 12); // in either every favourable row scores higher
        Assert.Equal(
            ["a × old=false", "a × old=true", "b × old=false", "b × old=true"],
            result.Gates[3].Original.Breakdowns[0].Parts.Select(p => p.Name)
        );
        Assert.Equal(
            ["below 25", "25 to below 45", "from 45"],
            result.Gates[4].Original.Breakdowns[0].Parts.Select(p => p.Name)
        );
        Assert.Equal(Verdict.NotMeasured, result.Gates[7].Original.Verdict);
        Assert.Equal("there is no base branch model to compare with", result.Gates[7].Original.Reason);
        foreach (var report in new[] { Report("gate-report.md"), Report("gate-report.html") })
        {
            Assert.Contains("Predictions under the policy", report, StringComparison.Ordinal);
            Assert.Contains("Rows: 180, all measured.", report, StringComparison.Ordinal);
            Assert.DoesNotContain("for repair", report, StringComparison.Ordinal);
        }

        Assert.Contains("statistical parity difference by g", Report("gate-junit.xml"), StringComparison.Ordinal);
        Assert.Contains("\"ruleId\": \"PTG4001\"", Report("gate.sarif"), StringComparison.Ordinal);
        Assert.Contains("statistical parity difference by g", place.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("repair.", place.Out, StringComparison.Ordinal);
    }

    // The same rows once as a table with a model's data would be, once counted: every metric of predictions gives the
    // same.
    [Theory]
    [InlineData("adult", "race")]
    [InlineData("german", "age")]
    [InlineData("bank", "age")]
    [InlineData("compas", "race")]
    [InlineData("compas", "sex")]
    public void Every_metric_of_predictions_is_what_it_is_from_rows(string dataset, string attribute)
    {
        var data = FairnessData.Read(dataset, attribute);
        PredictionFile.Write(_folder, "p.parquet", data, data.Scores);
        var policy = PredictionFile.Policy(
            _folder,
            """
            version: 1
            data: { source: p.parquet, label: y, prediction: p, score: s }
            groups: { g: { column: g, privileged: 1 } }
            gates: [accuracy: { min: 0.5 }]
            """
        );
        var (counted, rows) = (PredictionReader.Read(policy, new HashSet<string>()), new Rows(data));
        foreach (var metric in Catalog.Default.Metrics.OfType<IPredictionMetric>())
        {
            foreach (
                var rate in metric.Keys.Contains(GateKeys.Rate)
                    ? Catalog.Default.Rates.Where(r => !r.NeedsScores).Select(r => (Rate?)r)
                    : [null]
            )
            {
                var rule = new GateRule
                {
                    Metric = metric,
                    Group = "g",
                    Rate = rate,
                    Max = 0.1,
                };
                var (a, b) = (metric.Measure(counted, rule, 0.95, 1), metric.Measure(rows, rule, 0.95, 1));
                Assert.Equal(
                    (b.Value, b.Lower, b.Upper, b.Count, b.Reason),
                    (a.Value, a.Lower, a.Upper, a.Count, a.Reason)
                );
            }
        }

        // Scores in steps of 1/500 of their log-odds are taken together.
        var (scored, whole) = (GroupTable.Count(counted.Rows("g", 1)!, 1), data.Table(1, data.Scores));
        Assert.All(Catalog.Default.Rates.Where(r => r.NeedsScores), rate =>
        {
            // Only the order of rows within a step is lost: of few rows a pair or two.
            Assert.Equal(rate.Compute(whole[0]), rate.Compute(scored[0]), rate.Name == "auc" ? 1e-3 : 1e-6);
            Assert.Equal(rate.Compute(whole.Overall), rate.Compute(scored.Overall), rate.Name == "auc" ? 1e-3 : 1e-6);
        });
    }

    [Fact]
    public void Of_several_classes_the_mean_and_the_worst_count()
    {
        PredictionFile.Write(
            _folder,
            "p.csv",
            "SELECT i % 2 AS g, i % 3 AS y, CASE WHEN i % 6 = 0 THEN 1 ELSE i % 3 END AS p FROM range(600) t(i)"
        );
        var result = Run(
            PredictionFile.Policy(
                _folder,
                """
                version: 1
                data: { source: p.csv, label: y, prediction: p }
                groups: { g: { column: g } }
                gates:
                  - statistical_parity_difference: { group: g, average: macro, max: 0.5 }
                  - statistical_parity_difference: { group: g, average: worst, max: 0.5 }
                  - statistical_parity_difference: { group: g, max: 0.5 }
                """
            )
        );
        // Even rows: classes 0, 1, 2 are predicted 0, 200, 100 times of 300; odd rows 100 each.
        Assert.Equal([2 / 9.0, 1 / 3.0, 0], result.Gates.Select(g => Math.Round(g.Original.Value!.Value, 12)), (a, b) =>
            Math.Abs(a - b) < 1e-9
        );
    }

    private static GateResult Run(GatePolicy policy) => Gate.Run(policy, cancel: TestContext.Current.CancellationToken);

    private sealed class Rows(FairnessData data) : IPredictions
    {
        public System.Collections.Immutable.ImmutableArray<string> ClassNames => ["0", "1"];

        public int Favorable => 1;

        PredictedRows? IPredictions.Rows(string? group, int? scored) =>
            new(data.Labels, data.Predictions, group is null ? null : data.Group(1))
            {
                Scores = scored is null ? null : data.Scores,
            };
    }
}
