using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;

namespace PostTrainGate.Reporting;

/// <summary>
/// The models of a result side by side: what readers call them, and which gates they should see first.
/// </summary>
internal static class Comparison
{
    /// <summary>Most gates that are shown without being asked for.</summary>
    public const int MostOpen = 8;

    // Below this, a difference is called more than chance.
    private const double Level = 0.05;

    /// <summary>A column of the gates' table.</summary>
    /// <param name="Name">Its head.</param>
    /// <param name="Of">The model's reading of a gate.</param>
    /// <param name="Before">The reading that a change is counted from; null where none is shown.</param>
    public sealed record Column(
        string Name,
        Func<GateReport, MeasuredValue?> Of,
        Func<GateReport, MeasuredValue?>? Before = null
    )
    {
        /// <summary>Whether it is only there to be compared with, so that its verdict is of no interest.</summary>
        public bool IsControl { get; init; }
    }

    /// <summary>The gates in the order in which a reader should see them.</summary>
    /// <param name="Open">What does not pass or changed, the worst first.</param>
    /// <param name="More">What of these finds no place above.</param>
    /// <param name="Passing">What passes as before.</param>
    public sealed record Rows(
        ImmutableArray<GateReport> Open,
        ImmutableArray<GateReport> More,
        ImmutableArray<GateReport> Passing
    );

    /// <summary>What readers call the model under the gate.</summary>
    public static string Model(GateResult result) => result.PullRequest is null ? "Model" : "This PR";

    /// <summary>The models that have readings, in the order of their making. The same file has one column.</summary>
    public static ImmutableArray<Column> Columns(GateResult result)
    {
        var isSame = result.Base is { Unchanged: true };
        Column[] all =
        [
            new("Base", g => isSame ? null : g.Base),
            new(Model(result), g => g.Original, isSame ? null : g => g.Base),
            new("Repaired", g => g.Repaired, g => g.Original),
            new("Null control", g => g.NullControl) { IsControl = true },
            new("Clean control", g => g.CleanControl) { IsControl = true },
        ];
        return [.. all.Where(c => result.Gates.Any(g => c.Of(g) is not null))];
    }

    /// <summary>Which gates to show, and which to fold.</summary>
    public static Rows Sort(GateResult result)
    {
        var isSame = result.Base is { Unchanged: true };
        var sorted = result.Gates.OrderBy(g => Rank(g.Original.Verdict)).ToArray();
        var seen = sorted.Where(g => g.Original.Verdict != Verdict.Pass || Changed(g, isSame)).ToArray();
        return new(
            [.. seen.Take(MostOpen)],
            [.. seen.Skip(MostOpen)],
            [.. sorted.Where(g => g.Original.Verdict == Verdict.Pass && !Changed(g, isSame))]
        );
    }

    /// <summary>What the change does to single rows, in plain words; null where there is no base.</summary>
    public static string? Sentence(GateResult result)
    {
        if (result.Base is not { } @base)
            return null;
        if (@base.Unchanged)
            return "The model is unchanged: it is the base's file, so its figures are the base's too.";
        if (@base.Flips is not { } flips)
            return null;
        if (flips.Corrected + flips.Broken == 0)
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{(result.PullRequest is null ? "The model" : "This PR")} is right and wrong on the same rows as the "
                    + $"base, all {flips.Rows:N0} of them."
            );
        var p = flips.PValue < 0.001 ? "p < 0.001" : FormattableString.Invariant($"p = {flips.PValue:0.000}");
        var chance = flips.PValue < Level ? "more than chance" : "may be chance";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Of {flips.Rows:N0} rows, {flips.Broken:N0} that the base predicts right are wrong now, and "
                + $"{flips.Corrected:N0} that it predicts wrong are right now: {chance} (McNemar's exact test, {p})."
        );
    }

    // Another verdict, or a value beyond the base's interval.
    private static bool Changed(GateReport gate, bool isSame) =>
        (gate.Repaired is { } repaired && repaired.Verdict != gate.Original.Verdict)
        || (
            !isSame
            && gate.Base is { } before
            && (
                before.Verdict != gate.Original.Verdict
                || gate.Original.Value < before.Lower
                || gate.Original.Value > before.Upper
            )
        );

    private static int Rank(Verdict verdict) =>
        verdict switch
        {
            Verdict.Fail => 0,
            Verdict.NotMeasured => 1,
            Verdict.Inconclusive => 2,
            _ => 3,
        };
}
