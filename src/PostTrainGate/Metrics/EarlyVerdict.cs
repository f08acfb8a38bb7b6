using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>When a gate is decided before all rows were attacked.</summary>
internal static class EarlyVerdict
{
    /// <summary>
    /// Whether all rows would give the same verdict, whichever of the possible numbers is the true one.
    /// </summary>
    /// <param name="rule">A gate with thresholds for the value; a <c>drop</c> is of no account.</param>
    /// <param name="possible">From <see cref="ConfidenceSequence.Possible"/>.</param>
    /// <param name="total">All rows.</param>
    /// <param name="confidence">Level of the gate's interval.</param>
    public static bool IsCertain(GateRule rule, (int Least, int Most) possible, int total, double confidence)
    {
        // Each threshold alone is monotone in the number of rows, so that the ends speak for all between.
        return Same(rule with { Max = null, Drop = null }) && Same(rule with { Min = null, Drop = null });

        bool Same(GateRule one) => Of(one, possible.Least) == Of(one, possible.Most);
        Verdict Of(GateRule one, int hits) => Judge.Decide(one, Intervals.Proportion(hits, total, confidence));
    }
}
