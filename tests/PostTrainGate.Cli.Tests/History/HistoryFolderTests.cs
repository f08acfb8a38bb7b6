using System.Collections.Immutable;
using DuckDB.NET.Data;
using PostTrainGate.Foundation;
using PostTrainGate.History;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.History;

public sealed class HistoryFolderTests : IDisposable
{
    private static readonly HistorySource Source = new("models/posttraingate.yml", "linux");
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_added_comes_back()
    {
        var rows = HistoryRow.From(SampleResults.Repaired, Source, "main");
        var path = new HistoryFolder(_folder.Root).Append(rows);
        Assert.Equal(
            $"2026/11/20261130T081500Z-aaaaaaaaaaaa-{Source.Id}.parquet",
            Path.GetRelativePath(_folder.Root, path).Replace('\\', '/')
        );
        var (read, refused) = new HistoryFolder(_folder.Root).Read();
        Assert.Empty(refused);
        // A history keeps the figures of a reading, not what explains it.
        Assert.Equal(rows.Select(Figures), read.Select(Figures));
        Assert.Equal(
            rows.Select(r => (r.Original.Value, r.Repaired?.Upper, r.Original.Verdict)),
            read.Select(r => (r.Original.Value, r.Repaired?.Upper, r.Original.Verdict))
        );
    }

    [Fact]
    public void Any_reader_of_Parquet_can_query_it()
    {
        var path = new HistoryFolder(_folder.Root).Append(HistoryRow.From(SampleResults.Repaired, Source, "main"));
        Assert.Equal("PAR1", System.Text.Encoding.ASCII.GetString(File.ReadAllBytes(path)[..4]));
        using var db = Open();
        using var command = new DuckDBCommand(
            $"SELECT string_agg(metric || ' ' || verdict, ', ' ORDER BY metric), max(time), count(DISTINCT gate_id), "
                + $"any_value(attack), max(epsilon) FROM read_parquet('{_folder.Root}/**/*.parquet') WHERE value < 0.5",
            db
        );
        using var reader = command.ExecuteReader();
        Assert.True(reader.Read());
        Assert.Equal("robust_accuracy fail, statistical_parity_difference fail", reader.GetString(0));
        Assert.Equal(new DateTime(2026, 11, 30, 8, 15, 0), reader.GetDateTime(1));
        Assert.Equal((2, "pgd", 0.1), (reader.GetInt64(2), reader.GetString(3), reader.GetDouble(4)));
    }

    [Fact]
    public void The_same_run_is_added_once_and_nothing_else_is_left()
    {
        var history = new HistoryFolder(_folder.Root);
        for (var i = 0; i < 2; i++)
            history.Append(HistoryRow.From(SampleResults.Repaired, Source, "main"));
        history.Append(HistoryRow.From(SampleResults.Day(SampleResults.Repaired, 3), Source, "main"));
        Assert.Equal(2, Directory.GetFiles(_folder.Root, "*", SearchOption.AllDirectories).Length);
        var read = history.Read().Rows;
        Assert.Equal(10, read.Length);
        Assert.True(read[0].Time < read[^1].Time);
    }

    [Fact]
    public void A_foreign_file_is_refused_by_its_name_and_the_others_are_read()
    {
        var history = new HistoryFolder(_folder.Root);
        var good = history.Append(HistoryRow.From(SampleResults.Repaired, Source, "main"));
        _folder.Write("README.md", "# ours"); // no Parquet, so nobody's business
        _folder.Write("text.parquet", "time,value\n1,2\n");
        File.WriteAllBytes(_folder.Path("cut.parquet"), File.ReadAllBytes(good)[..^40]);
        Copy("SELECT 1 AS value, 'x' AS gate", "other.parquet");
        Copy($"SELECT * REPLACE (2 AS format) FROM read_parquet('{good}')", "newer.parquet");
        Copy($"SELECT * REPLACE ('good' AS verdict) FROM read_parquet('{good}')", "verdict.parquet");
        Copy($"SELECT * REPLACE ('soon' AS time) FROM read_parquet('{good}')", "time.parquet");
        var (rows, refused) = history.Read();
        Assert.Equal(5, rows.Length);
        Assert.All(refused, d => Assert.Equal(DiagnosticCodes.HistoryUnusable, d.Code));
        Assert.Equal(
            ["cut", "newer", "other", "text", "time", "verdict"],
            refused.Select(d => Path.GetFileNameWithoutExtension(d.Position!.Value.File)).Order()
        );
        Assert.Contains(refused, d => d.Message.Contains("have the format 2", StringComparison.Ordinal));
        Assert.Contains(refused, d => d.Message.Contains("column 'verdict'", StringComparison.Ordinal));
    }

    [Fact]
    public void Months_that_have_ended_become_one_file_with_the_same_rows()
    {
        var history = new HistoryFolder(_folder.Root);
        var copy = "";
        for (var run = 0; run < 6; run++)
            copy = history.Append(Run(run));
        var last = File.ReadAllBytes(copy);
        var december = history.Append(Run(6, new(2026, 12, 1, 9, 0, 0, TimeSpan.Zero)));
        var before = history.Read().Rows;

        Assert.Equal((7, 2), Compact(new(2026, 12, 31, 23, 59, 0, TimeSpan.Zero)));
        Assert.Equal(["2026/11/month.parquet", Relative(december)], Files());
        Assert.Equal(before.Select(Figures), history.Read().Rows.Select(Figures));
        Assert.Equal((2, 2), Compact(new(2026, 12, 31, 23, 59, 0, TimeSpan.Zero)));

        // One that was stopped before it deleted everything left rows twice.
        File.WriteAllBytes(copy, last);
        Assert.Equal(before.Select(Figures), history.Read().Rows.Select(Figures));
        Assert.Equal((3, 2), Compact(new(2027, 1, 1, 0, 0, 0, TimeSpan.Zero)));
        Assert.Equal(before.Select(Figures), history.Read().Rows.Select(Figures));
    }

    [Fact]
    public void What_is_no_month_of_a_history_is_left_alone()
    {
        var history = new HistoryFolder(_folder.Root);
        for (var run = 0; run < 2; run++)
            File.Copy(history.Append(Run(run)), _folder.Path($"{run}.parquet"));
        _folder.Write("2026/11/text.parquet", "time,value\n1,2\n");
        var files = Files();
        var (before, after, refused) = history.Compact(DateTimeOffset.MaxValue);
        Assert.Equal((5, 5), (before, after));
        Assert.Equal("11", Path.GetFileName(Assert.Single(refused).Position!.Value.File));
        Assert.Equal(files, Files());
    }

    [Fact]
    public void A_link_leads_nowhere()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a right there");
        var elsewhere = new HistoryFolder(_folder.Path("elsewhere")).Append(
            HistoryRow.From(SampleResults.Passed, Source)
        );
        Directory.CreateDirectory(_folder.Path("history"));
        File.CreateSymbolicLink(_folder.Path("history/link.parquet"), elsewhere);
        Assert.Empty(new HistoryFolder(_folder.Path("history")).Read().Rows);
    }

    [Fact]
    public void A_folder_that_is_none_is_named()
    {
        var file = _folder.Write("file", "");
        var unread = Assert.Throws<GateException>(() => new HistoryFolder(_folder.Path("nowhere")).Read());
        Assert.Equal(DiagnosticCodes.HistoryUnusable, unread.Diagnostics[0].Code);
        var unwritten = Assert.Throws<GateException>(() =>
            new HistoryFolder(file).Append(HistoryRow.From(SampleResults.Passed, Source))
        );
        Assert.StartsWith(file, unwritten.Diagnostics[0].Position!.Value.File, StringComparison.Ordinal);
    }

    private static HistoryRow Figures(HistoryRow row) =>
        row with
        {
            Original = new(row.Original.Value, row.Original.Lower, row.Original.Upper, row.Original.Count, default),
            Repaired = null,
        };

    private void Copy(string query, string name)
    {
        using var db = Open();
        using var command = new DuckDBCommand($"COPY ({query}) TO '{_folder.Path(name)}' (FORMAT parquet)", db);
        command.ExecuteNonQuery();
    }

    private static DuckDBConnection Open()
    {
        var db = new DuckDBConnection("DataSource=:memory:");
        db.Open();
        return db;
    }

    private static ImmutableArray<HistoryRow> Run(int run, DateTimeOffset? started = null)
    {
        var result = SampleResults.Day(SampleResults.Repaired, run);
        return HistoryRow.From(
            result with
            {
                Run = result.Run! with { Started = started ?? result.Run.Started },
            },
            Source,
            "main"
        );
    }

    private (int, int) Compact(DateTimeOffset now)
    {
        var (before, after, refused) = new HistoryFolder(_folder.Root).Compact(now);
        Assert.Empty(refused);
        return (before, after);
    }

    private string Relative(string file) => Path.GetRelativePath(_folder.Root, file).Replace('\\', '/');

    private string[] Files() =>
        [.. Directory.GetFiles(_folder.Root, "*", SearchOption.AllDirectories).Select(Relative).Order()];
}
