using System.Globalization;
using DuckDB.NET.Data;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Reading;

namespace PostTrainGate.Tests;

/// <summary>Predictions as a file in a folder of its own, and a policy that gates them.</summary>
internal static class PredictionFile
{
    /// <summary>Writes what a query gives, as the name's ending says.</summary>
    public static string Write(TemporaryFolder folder, string name, string sql)
    {
        using var db = new DuckDBConnection("DataSource=:memory:");
        db.Open();
        using var command = new DuckDBCommand(
            $"COPY ({sql}) TO '{folder.Path(name)}"
                + $"'{(name.EndsWith(".json", StringComparison.Ordinal) ? " (ARRAY false)" : "")}",
            db
        );
        command.ExecuteNonQuery();
        return folder.Path(name);
    }

    /// <summary>The rows of a data set: columns g, y, p and s.</summary>
    public static void Write(TemporaryFolder folder, string name, FairnessData data, double[] scores)
    {
        // As text first: a statement with every row in it takes DuckDB seconds to parse.
        var csv = folder.Path($"{name}.rows");
        using (var file = new StreamWriter(csv))
        {
            for (var i = 0; i < data.Labels.Length; i++)
                file.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{data.LevelOf[i]},{data.Labels[i]},{data.Predictions[i]},{scores[i]:R}"
                    )
                );
        }

        const string Columns = "{'g': 'INTEGER', 'y': 'INTEGER', 'p': 'INTEGER', 's': 'DOUBLE'}";
        Write(folder, name, $"SELECT * FROM read_csv('{csv}', header = false, columns = {Columns})");
        File.Delete(csv);
    }

    /// <summary>The table that a policy of predictions alone measures from.</summary>
    public static GroupTable Table(FairnessData data, int? privileged, double[]? scores)
    {
        using var folder = new TemporaryFolder();
        Write(folder, $"predictions.{data.From}", data, scores ?? data.Scores);
        var policy = Policy(
            folder,
            $$"""
            version: 1
            data: { source: predictions.{{data.From}}, label: y, prediction: p, score: s }
            groups: { g: { column: g{{(privileged is { } level ? $", privileged: {level}" : "")}} } }
            gates: [disparate_impact: { group: g, min: 0.8 }]
            """
        );
        var predictions = PredictionReader.Read(policy, new HashSet<string>());
        return GroupTable.Count(
            predictions.Rows("g", scores is null ? null : predictions.Favorable)!,
            predictions.Favorable
        );
    }

    /// <summary>The policy of that text.</summary>
    public static GatePolicy Policy(TemporaryFolder folder, string yaml)
    {
        folder.Write(PolicyReader.FileName, yaml);
        var (policy, diagnostics) = PolicyReader.Read(folder.Root);
        return policy ?? throw new GateException([.. diagnostics]);
    }
}
