using DuckDB.NET.Data;
using PostTrainGate.Data;
using Xunit;

namespace PostTrainGate.Tests;

public sealed class PredictionTableTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("parquet")]
    [InlineData("csv")]
    public void A_file_of_predictions_gives_the_table_that_counting_its_rows_gives(string kind)
    {
        var data = FairnessData.Read("german", "sex");
        var rows = Enumerable.Range(0, data.Labels.Length).Select(i =>
            FormattableString.Invariant($"({data.LevelOf[i]}, {data.Labels[i]}, {data.Predictions[i]}, {data.Scores[i]:R})"));
        var file = File($"SELECT * FROM (VALUES {string.Join(", ", rows)}) t(sex, y, p, score)", $"german.{kind}");
        var table = PredictionTable.Count(file with { Privileged = "1", Score = "score" });
        var expected = data.Table(privileged: 1, data.Scores);
        Assert.Equal(expected.Cells, table.Cells);
        Assert.Equal(expected.Overall.Scores!.Auc, table.Overall.Scores!.Auc, 1e-3);
        Assert.Equal(expected.Overall.Scores!.LogLoss, table.Overall.Scores!.LogLoss, 1e-3);
        Assert.Equal(["0", "1"], PredictionTable.Count(file).Levels);
    }

    [Theory]
    [InlineData("SELECT NULL AS sex, 1 AS y, 1 AS p, 0.5 AS score", "no rows with a value of 'sex'")]
    [InlineData("SELECT 1 AS sex, CAST(NULL AS INTEGER) AS y, 1 AS p, 0.5 AS score", "missing in 1 rows")]
    [InlineData("SELECT 1 AS sex, 1 AS y, 1 AS p, CAST('NaN' AS DOUBLE) AS score", "'score' is no number from 0 to 1 in 1 rows")]
    [InlineData("SELECT 1 AS sex, 0 AS y, 0 AS p, 0.5 AS score", "favourable class '1' has no rows")]
    [InlineData("SELECT 1 AS sexx, 1 AS y, 1 AS p, 0.5 AS score", "did you mean 'sexx'?")]
    [InlineData("SELECT i AS sex, 1 AS y, 1 AS p, 0.5 AS score FROM range(1001) t(i)", "more than 1000 different values")]
    public void What_is_wrong_with_it_is_said(string sql, string says)
    {
        var file = File(sql, "wrong.parquet");
        var thrown = Assert.Throws<GateException>(() => PredictionTable.Count(file with { Score = "score" }));
        Assert.Contains(says, thrown.Message, StringComparison.Ordinal);
    }

    private PredictionFile File(string sql, string name)
    {
        var path = _folder.Path(name);
        using var db = new DuckDBConnection("DataSource=:memory:");
        db.Open();
        using var command = new DuckDBCommand($"COPY ({sql}) TO '{path}'", db);
        command.ExecuteNonQuery();
        return new(new(name, path, default), "y", "p", "sex") { Favorable = "1" };
    }
}
