using System.Collections.Immutable;
using PostTrainGate.Gating;
using PostTrainGate.Statistics;

namespace PostTrainGate.History;

/// <summary>A gate of a policy over the runs of a history.</summary>
/// <param name="Source">Whose it is.</param>
/// <param name="Gate">The gate in words, as the latest run has it.</param>
/// <param name="Trend">Its runs.</param>
internal sealed record HistorySeries(HistorySource Source, string Gate, Trend Trend);

/// <summary>Turns rows of a history into trends.</summary>
internal static class Trends
{
    /// <summary>Most runs of a trend, the latest ones.</summary>
    public const int MostRuns = 60;

    /// <summary>A series for each gate of each source, in the order of their names and of the gates' first rows.</summary>
    /// <param name="rows">Rows in the order of time.</param>
    /// <param name="runs">Most runs of each, the latest ones.</param>
    public static ImmutableArray<HistorySeries> Series(IEnumerable<HistoryRow> rows, int runs = MostRuns) =>
        [
            .. rows.GroupBy(r => (r.Policy, r.Leg, r.GateId))
                .Select(g => new HistorySeries(new(g.Key.Policy, g.Key.Leg), g.Last().Gate, Of([.. g.TakeLast(runs)])))
                .OrderBy(s => s.Source.Policy, StringComparer.Ordinal)
                .ThenBy(s => s.Source.Leg, StringComparer.Ordinal),
        ];

    /// <summary>The result with the trend of each gate that earlier runs measured too.</summary>
    /// <param name="result">A run.</param>
    /// <param name="history">Rows of earlier runs, in the order of time.</param>
    /// <param name="source">Whose the run is.</param>
    public static GateResult Add(GateResult result, IEnumerable<HistoryRow> history, HistorySource source)
    {
        var now = HistoryRow.From(result, source);
        if (now.IsEmpty)
            return result;
        var before = history
            .Where(r => r.Policy == source.Policy && r.Leg == source.Leg)
            .Where(r => (r.Time, r.Commit) != (now[0].Time, now[0].Commit)) // the run itself, when it is added twice
            .ToLookup(r => r.GateId);
        return result with
        {
            Gates =
            [
                .. result.Gates.Select(
                    (gate, i) =>
                        before.Contains(now[i].GateId)
                            ? gate with
                            {
                                Trend = Of([.. before[now[i].GateId].TakeLast(MostRuns - 1), now[i]]),
                            }
                            : gate
                ),
            ],
        };
    }

    private static Trend Of(ImmutableArray<HistoryRow> rows) =>
        new(
            [
                .. rows.Select(r => new TrendPoint(
                    r.Time,
                    r.Original.Value,
                    r.Original.Lower,
                    r.Original.Upper,
                    r.Original.Verdict,
                    r.Threshold
                )
                {
                    Commit = r.Commit,
                    Model = r.ModelSha256,
                }),
            ],
            rows[^1].Better,
            Shift(rows)
        );

    // A model that is measured again on the same rows gives the same value, which is no further evidence: the runs of
    // one model and value count once.
    private static LevelShift? Shift(ImmutableArray<HistoryRow> rows)
    {
        List<int> firsts = [];
        foreach (var (i, row) in rows.Index())
            if (
                row.Original.Value is { } value
                && (
                    firsts is not [.., var last]
                    || (rows[last].Original.Value, rows[last].ModelSha256) != (value, row.ModelSha256)
                )
            )
                firsts.Add(i);
        NoisyTerm[] values =
        [
            .. firsts.Select(i => new NoisyTerm(rows[i].Original.Value!.Value, StandardError(rows[i]))),
        ];
        return ChangePoint.Latest(values) is { } shift ? shift with { At = firsts[shift.At] } : null;
    }

    private static double StandardError(HistoryRow row) =>
        row.Original is { Lower: { } lower, Upper: { } upper }
            ? (upper - lower) / (2 * Estimate.Errors(row.Confidence))
            : double.NaN;
}
