namespace PostTrainGate.Metrics;

/// <summary>What a measurement says about a threshold.</summary>
public enum Verdict
{
    /// <summary>The whole interval meets the threshold.</summary>
    Pass,

    /// <summary>The whole interval misses the threshold.</summary>
    Fail,

    /// <summary>The threshold lies inside the interval.</summary>
    Inconclusive,

    /// <summary>There is no value. Never counts as a pass.</summary>
    NotMeasured,
}

/// <summary>Turns measurements into verdicts.</summary>
public static class Judge
{
    /// <summary>The verdict of a gate.</summary>
    /// <param name="rule">
    /// Its metric and thresholds: a signed difference is judged by its size, a ratio r by min(r, 1/r).
    /// </param>
    /// <param name="measured">The measurement, in the metric's own sign.</param>
    /// <param name="baseline">
    /// The base branch's model, for <see cref="GateRule.Drop"/>; null when there is none.
    /// </param>
    /// <param name="loss">
    /// How much worse than the base it is, measured on the rows of both; null when that has no interval of its own.
    /// </param>
    public static Verdict Decide(
        GateRule rule,
        Measurement measured,
        Measurement? baseline = null,
        Measurement? loss = null
    )
    {
        if (!measured.IsMeasured)
            return Verdict.NotMeasured;
        var better = rule.Metric.Better;
        var (_, lower, upper) = Judged(better, measured);
        var worst = Verdict.Pass;
        if (rule.Min is { } min)
            worst = Worse(
                worst,
                lower >= min ? Verdict.Pass
                    : upper < min ? Verdict.Fail
                    : Verdict.Inconclusive
            );
        if (rule.Max is { } max)
            worst = Worse(
                worst,
                upper <= max ? Verdict.Pass
                    : lower > max ? Verdict.Fail
                    : Verdict.Inconclusive
            );
        if (rule.Drop is { } drop)
        {
            worst = Worse(
                worst,
                loss is not { IsMeasured: true } l ? Dropped(drop, better, measured, baseline)
                    : l.Upper <= drop ? Verdict.Pass
                    : l.Lower > drop ? Verdict.Fail
                    : Verdict.Inconclusive
            );
        }

        return worst;
    }

    /// <summary>Value and interval as thresholds read them.</summary>
    public static (double Value, double Lower, double Upper) Judged(Better better, Measurement m) =>
        better switch
        {
            Better.NearZero when m.Lower <= 0 && m.Upper >= 0 => (Math.Abs(m.Value), 0, Math.Max(-m.Lower, m.Upper)),
            Better.NearZero => (
                Math.Abs(m.Value),
                Math.Min(Math.Abs(m.Lower), Math.Abs(m.Upper)),
                Math.Max(Math.Abs(m.Lower), Math.Abs(m.Upper))
            ),
            Better.NearOne when m.Lower <= 1 && m.Upper >= 1 => (
                Symmetric(m.Value),
                Math.Min(Symmetric(m.Lower), Symmetric(m.Upper)),
                1
            ),
            Better.NearOne => (
                Symmetric(m.Value),
                Math.Min(Symmetric(m.Lower), Symmetric(m.Upper)),
                Math.Max(Symmetric(m.Lower), Symmetric(m.Upper))
            ),
            _ => (m.Value, m.Lower, m.Upper),
        };

    /// <summary>
    /// By how much a value misses the thresholds of a gate, in the metric's unit; negative where it meets them, NaN
    /// where there is no value.
    /// </summary>
    internal static double Missed(GateRule rule, double value)
    {
        var judged = Judged(rule.Metric.Better, new(value, value, value, 0)).Value;
        return Math.Max(rule.Min - judged ?? double.NegativeInfinity, judged - rule.Max ?? double.NegativeInfinity);
    }

    /// <summary>Why a gate gives nothing to learn for; null where it does.</summary>
    /// <param name="rule">The gate.</param>
    /// <param name="eitherSide">Whether the figure can be moved up as well as down.</param>
    internal static string? WhyNoTarget(GateRule rule, bool eitherSide = false)
    {
        if (rule.Min is null && rule.Max is null)
            return "the gate has neither 'min' nor 'max', and a drop is no target";
        if (eitherSide || (rule.Metric.Better is Better.Higher or Better.NearOne ? rule.Min : rule.Max) is not null)
            return null;
        return $"the gate bounds {rule.Metric.Name} only from the side that is worse";
    }

    /// <summary>The graver of two verdicts: fail, not measured, inconclusive, pass.</summary>
    public static Verdict Worse(Verdict a, Verdict b) => Rank(a) >= Rank(b) ? a : b;

    private static int Rank(Verdict v) =>
        v switch
        {
            Verdict.Fail => 3,
            Verdict.NotMeasured => 2,
            Verdict.Inconclusive => 1,
            _ => 0,
        };

    private static double Symmetric(double ratio) => ratio <= 1 ? ratio : 1 / ratio;

    // Two models without a paired interval, such as under attack: the verdict is taken on the estimates, and a base
    // that was not measured leaves the gate not measured.
    private static Verdict Dropped(double drop, Better better, Measurement now, Measurement? baseline)
    {
        if (baseline is not { IsMeasured: true } before)
            return Verdict.NotMeasured;
        var (current, _, _) = Judged(better, now);
        var (past, _, _) = Judged(better, before);
        var loss = better is Better.NearZero or Better.Lower ? current - past : past - current;
        return loss <= drop ? Verdict.Pass : Verdict.Fail;
    }
}
