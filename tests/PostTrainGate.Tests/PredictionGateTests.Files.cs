using System.Globalization;
using PostTrainGate.Foundation;
using Xunit;

namespace PostTrainGate.Tests;

public sealed partial class PredictionGateTests
{
    [Theory]
    [InlineData("SELECT NULL AS g, i % 2 AS y, 1 AS p, 0.5 AS s FROM range(4) t(i)", "PTG3004", "'g'")]
    [InlineData("SELECT 1 AS g, i % 2 AS y, 1 AS p, 0.5 AS s FROM range(4) t(i)", "PTG3004", "'g'", "'1'")]
    [InlineData(
        "SELECT i AS g, nullif(i % 3, 2) AS y, 1 AS p, 0.5 AS s FROM range(6) t(i)",
        "PTG3003",
        "'y'",
        "2 of 6 rows"
    )]
    [InlineData(
        "SELECT i AS g, i % 2 AS y, nullif(i % 2, 0) AS p, 0.5 AS s FROM range(6) t(i)",
        "PTG3003",
        "'p'",
        "3 of 6 rows"
    )]
    [InlineData(
        "SELECT i AS g, i % 2 AS y, i % 3 AS p, 0.5 AS s FROM range(6) t(i)",
        "PTG3003",
        "'p'",
        "'2'",
        "'data.classes'"
    )]
    [InlineData(
        "SELECT i % 2 AS g, i % 2 AS y, 1 AS p, CAST('NaN' AS DOUBLE) AS s FROM range(4) t(i)",
        "PTG3003",
        "'s'",
        "4 of 4 rows"
    )]
    [InlineData(
        "SELECT i % 2 AS g, i % 2 AS y, 1 AS p, 1.5 * i AS s FROM range(4) t(i)",
        "PTG3003",
        "'s'",
        "3 of 4 rows"
    )]
    [InlineData(
        "SELECT i % 2 AS g, i % 2 AS y, 1 AS p, 'high' AS s FROM range(4) t(i)",
        "PTG3003",
        "'data.score'",
        "'s'"
    )]
    [InlineData(
        "SELECT i % 2 AS gg, i % 2 AS y, 1 AS p, 0.5 AS s FROM range(4) t(i)",
        "PTG3002",
        "'g'",
        "'gg', 'y', 'p' and 's'"
    )]
    [InlineData("SELECT i AS g, i % 2 AS y, 1 AS p, 0.5 AS s FROM range(1000) t(i)", "PTG3003", "'g'", "500", "'bins'")]
    [InlineData("SELECT i % 2 AS g, i % 2 AS y, 1 AS p, 0.5 AS s FROM range(0) t(i)", "PTG3004", "'p.parquet'")]
    public void What_is_wrong_with_the_file_is_said_at_its_place(string sql, string code, params string[] names)
    {
        PredictionFile.Write(_folder, "p.parquet", sql);
        var policy = PredictionFile.Policy(
            _folder,
            """
            version: 1
            data: { source: p.parquet, label: y, prediction: p, score: s }
            groups: { g: { column: g } }
            gates: [disparate_impact: { group: g, min: 0.8 }]
            """
        );
        var wrong = Assert.Throws<GateException>(() => Run(policy)).Diagnostics.Single();
        Assert.Equal(code, wrong.Code);
        Assert.All(names, name => Assert.Contains(name, wrong.Message, StringComparison.Ordinal));
        Assert.InRange(wrong.Position!.Value.Line, 2, 3);
    }

    [Fact]
    public void Rows_without_a_level_are_left_out_and_said()
    {
        PredictionFile.Write(
            _folder,
            "p.csv",
            "SELECT CASE i % 5 WHEN 0 THEN NULL ELSE i % 2 END AS g, i % 2 AS y, i % 3 % 2 AS p FROM range(100) t(i)"
        );
        var reading = Run(
            PredictionFile.Policy(
                _folder,
                """
                version: 1
                data: { source: p.csv, label: y, prediction: p }
                groups: { g: { column: g } }
                gates: [rate_difference: { group: g, rate: accuracy, max: 0.001 }]
                """
            )
        )
            .Gates[0]
            .Original;
        Assert.StartsWith("20 of 100 rows ", reading.Notes[0], StringComparison.Ordinal);
        Assert.Equal(80, reading.Breakdowns[0].Parts.Sum(p => p.Count));
    }

    [Fact]
    public void More_groups_than_can_be_counted_together_are_refused()
    {
        PredictionFile.Write(_folder, "p.csv", "SELECT i % 2 AS g, i % 2 AS y, 1 AS p FROM range(10) t(i)");
        var policy = PredictionFile.Policy(
            _folder,
            $$"""
            version: 1
            data: { source: p.csv, label: y, prediction: p }
            groups:
            {{string.Join('\n', Enumerable.Range(0, 63).Select(i => $"  g{i}: {{ column: g }}"))}}
            gates: [disparate_impact: { group: g0, min: 0.8 }]
            """
        );
        var wrong = Assert.Throws<GateException>(() => Run(policy)).Diagnostics.Single();
        Assert.Equal("PTG1011", wrong.Code);
        Assert.Matches(" 63 .* 62,", wrong.Message);
        Assert.Equal(66, wrong.Position!.Value.Line);
    }

    // A late value that is not of the type that the first rows let expect.
    [Fact]
    public void A_value_that_only_a_late_row_has_is_read_as_what_it_is()
    {
        var lines = Enumerable
            .Range(0, 150_000)
            .Select(i => string.Create(CultureInfo.InvariantCulture, $"{(i < 140_000 ? i % 2 : "x")},{i / 2 % 2},1"));
        _folder.Write("p.csv", $"g,y,p\n{string.Join('\n', lines)}\n");
        var result = Run(
            PredictionFile.Policy(
                _folder,
                """
                version: 1
                data: { source: p.csv, label: y, prediction: p }
                groups: { g: { column: g } }
                gates: [rate_difference: { group: g, rate: accuracy, max: 0.5 }]
                """
            )
        );
        Assert.Equal(
            [("0", 70_000), ("1", 70_000), ("x", 10_000)],
            result.Gates[0].Original.Breakdowns[0].Parts.Select(p => (p.Name, p.Count))
        );
    }
}
