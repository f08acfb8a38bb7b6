using System.Collections.Immutable;
using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;

namespace PostTrainGate.Reporting;

/// <summary>A gate's runs in a line and in words, the same in every report.</summary>
internal static class TrendText
{
    /// <summary>Most runs that a line shows; a comment's column is narrow.</summary>
    public const int Longest = 24;

    /// <summary>What the last run is where a report shows a trend.</summary>
    public const string ThisRun = "this one last";

    private const string Blocks = "▁▂▃▄▅▆▇█",
        Digits = "12345678";

    /// <summary>
    /// The latest values as bars between the lowest and the highest end of their intervals, so that chance looks small;
    /// a line where the level shifted, and a dot where nothing was measured.
    /// </summary>
    /// <param name="trend">The runs.</param>
    /// <param name="unicode">Whether block characters can be shown; digits elsewhere.</param>
    public static string Line(Trend trend, bool unicode = true)
    {
        var (bars, bar, gap) = unicode ? (Blocks, '│', '·') : (Digits, '|', '.');
        var first = Math.Max(0, trend.Points.Length - Longest);
        var shown = trend.Points[first..];
        var (low, high) = (shown.Min(p => p.Lower ?? p.Value) ?? 0, shown.Max(p => p.Upper ?? p.Value) ?? 0);
        var text = new StringBuilder();
        foreach (var (i, point) in shown.Index())
        {
            if (i > 0 && i + first == trend.Shift?.At)
                text.Append(bar);
            text.Append(
                point.Value is not { } value ? gap
                : high > low ? bars[(int)Math.Round((value - low) / (high - low) * (bars.Length - 1))]
                : bars[bars.Length / 2]
            );
        }

        return text.ToString();
    }

    /// <summary>
    /// What a reader should know of the runs: where the level shifted, and a new threshold. Sentences without an end,
    /// commits in the holes.
    /// </summary>
    public static ImmutableArray<FormattableString> Remarks(Trend trend)
    {
        var remarks = ImmutableArray.CreateBuilder<FormattableString>();
        if (Shift(trend) is { } shift)
            remarks.Add(shift);
        if (Latest(trend, p => p.Threshold) is { } threshold)
            remarks.Add($"new threshold since {Commit(threshold)} ({Day(threshold)})");
        return remarks.ToImmutable();
    }

    /// <summary>What the runs have in common, as all gates of a run have the same model: a sentence without an end.</summary>
    /// <param name="trends">Trends of the same runs.</param>
    /// <param name="last">What the last run is.</param>
    public static FormattableString Runs(IEnumerable<Trend> trends, string last)
    {
        var trend = trends.MaxBy(t => t.Points.Length)!;
        var (first, count) = (trend.Points[0], trend.Points.Length);
        var runs = count == 1 ? "run" : "runs";
        return Latest(trend, p => p.Model) is not { } model
            ? $"{count} {new Words(runs)} since {Day(first)}, {new Words(last)}; the model is the same"
            : (FormattableString)
                $"{count} {new Words(runs)} since {Day(first)}, {new Words(last)}; new model since {Commit(model)} ({Day(model)})";
    }

    /// <summary>Where the level shifted, and which way; null where it did not.</summary>
    public static FormattableString? Shift(Trend trend)
    {
        if (trend.Shift is not var (at, before, after))
            return null;
        var point = trend.Points[at];
        var gain = Judged(trend.Better, after) - Judged(trend.Better, before);
        if (trend.Better is Better.Lower or Better.NearZero)
            gain = -gain;
        return gain > 0
            ? $"better since {Commit(point)} ({Day(point)}): mean {before:0.000} → {after:0.000}"
            : (FormattableString)$"worse since {Commit(point)} ({Day(point)}): mean {before:0.000} → {after:0.000}";
    }

    /// <summary>The change from the run before; empty where one of the two was not measured.</summary>
    public static string Change(Trend trend) =>
        trend.Points is [.., { Value: { } before }, { Value: { } now }] ? ResultText.Signed(now - before) : "";

    /// <summary>A run's value with its interval: <c>0.731 [0.702, 0.758]</c>.</summary>
    public static string Value(TrendPoint point) =>
        point.Value is { } value
            ? $"{Numbers.Measured(value)} [{Numbers.Measured(point.Lower ?? value)}, "
                + $"{Numbers.Measured(point.Upper ?? value)}]"
            : "not measured";

    /// <summary>The day of a run, in UTC.</summary>
    public static string Date(TrendPoint point) => Day(point).ToString();

    /// <summary>A run's commit, as people write it.</summary>
    public static string Commit(TrendPoint point) =>
        point.Commit is { } commit ? commit[..Math.Min(7, commit.Length)] : "an unknown commit";

    // The first run of the latest ones that agree; null where all do.
    private static TrendPoint? Latest(Trend trend, Func<TrendPoint, string?> of)
    {
        for (var i = trend.Points.Length - 1; i > 0; i--)
            if (of(trend.Points[i]) != of(trend.Points[i - 1]))
                return trend.Points[i];
        return null;
    }

    private static double Judged(Better better, double value) =>
        Judge.Judged(better, new(value, value, value, 0)).Value;

    private static Words Day(TrendPoint point) =>
        new(FormattableString.Invariant($"{DateOnly.FromDateTime(point.Time.UtcDateTime):yyyy-MM-dd}"));

    // Our own words, which a sentence would else set in code type.
    private readonly record struct Words(string Text)
    {
        public override string ToString() => Text;
    }
}
