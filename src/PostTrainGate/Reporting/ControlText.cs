using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;

namespace PostTrainGate.Reporting;

/// <summary>What a repair is held against, in words, the same in every report.</summary>
internal static class ControlText
{
    // A control that has lost more of the accuracy above chance than this is another model, not the same with noise.
    private const double LeastOfAccuracy = 0.5;

    // Of what a repair gains: a difference that readers would call none.
    private const double Nearly = 0.1;

    /// <summary>
    /// What the controls are, for readers who meet them first here, and what they say; empty where there are none.
    /// </summary>
    public static string Of(GateResult result)
    {
        var text = result.Gates.Any(g => g.NullControl is not null) ? Noise(result) : "";
        return result.Gates.Any(g => g.CleanControl is not null) ? $"{text} {Training(result)}".TrimStart() : text;
    }

    private static string Noise(GateResult result)
    {
        const string Is =
            "Null control: the model before the repair, with random weight noise as large as the repair. ";
        if (
            result.Repair is not { NullAccuracy: { } left, AccuracyBefore.Value: { } before }
            || result.Model?.Classes is not { } classes
            || left - 1.0 / classes >= LeastOfAccuracy * (before - 1.0 / classes)
        )
            return Is + "A repair that does no better has no effect.";
        return $"{Is}Noise of this size destroys the model (accuracy {Numbers.Measured(left)} instead of "
            + $"{Numbers.Measured(before)}), so the control says little here.";
    }

    private static string Training(GateResult result)
    {
        const string Is = "Clean control: the same model trained further on the rows for repair by their labels alone.";
        GateReport[] better =
        [
            .. result.Gates.Where(g =>
                g.Original.Verdict != Verdict.Pass
                && g.CleanControl is not null
                && Lacks(g.Repaired, g) < Lacks(g.Original, g)
            ),
        ];
        bool[] alike = [.. better.Select(IsAsGood)];
        var count = alike.Count(a => a);
        return Is
            + (
                alike.Length == 0 ? ""
                : count == 0 ? " It does less than the repair."
                : count < alike.Length
                    ? $" It does about as well on {count} of {alike.Length} gates that the repair improves."
                : better.All(IsBetter) ? " Here it does better than the repair: train the model further first."
                : " Here it does about as well as the repair, so that more training may be all that the model needs."
            );
    }

    private static bool IsAsGood(GateReport gate) => Behind(gate) <= Nearly;

    private static bool IsBetter(GateReport gate) => Behind(gate) < -Nearly;

    // How far the control is behind the repair, in units of what the repair gains.
    private static double Behind(GateReport gate)
    {
        var (before, repaired) = (Lacks(gate.Original, gate), Lacks(gate.Repaired, gate));
        return (Lacks(gate.CleanControl, gate) - repaired) / (before - repaired);
    }

    // What a model lacks to meet a gate's threshold.
    private static double Lacks(MeasuredValue? reading, GateReport gate)
    {
        if (reading?.Value is not { } value)
            return double.PositiveInfinity;
        var judged = Judge.Judged(gate.Better, new(value, value, value, 0)).Value;
        return Math.Max(gate.Min - judged ?? double.NegativeInfinity, judged - gate.Max ?? double.NegativeInfinity);
    }
}
