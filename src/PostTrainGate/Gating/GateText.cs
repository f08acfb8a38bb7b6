using System.Globalization;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;

namespace PostTrainGate.Gating;

/// <summary>Gates in words, the same in every report.</summary>
internal static class GateText
{
    /// <summary>Metric, group, attack and budget in one short line.</summary>
    public static string Title(GateRule rule) => rule.Metric.Title(rule);

    /// <summary>All of several: <c>both</c>, <c>all 3</c>.</summary>
    public static string All(int count) => count == 2 ? "both" : $"all {count}";

    /// <summary>The threshold: <c>at least 0.72, at most 0.01 below the base</c>.</summary>
    public static string Threshold(GateRule rule)
    {
        var parts = new List<string>();
        if (rule.Min is { } min)
            parts.Add($"at least {Numbers.Chosen(min)}");
        if (rule.Max is { } max)
            parts.Add(
                $"at most {Numbers.Chosen(max)}{(rule.Metric.Better == Better.NearZero ? " in absolute value" : "")}"
            );
        if (rule.Drop is { } drop)
            parts.Add($"at most {Numbers.Chosen(drop)} worse than the base");
        return string.Join(", ", parts);
    }

    /// <summary>A reading with its interval: <c>0.731 [0.702, 0.758]</c>.</summary>
    public static string Value(MeasuredValue reading) =>
        reading.Value is { } value
            ? $"{Numbers.Measured(value)} [{Numbers.Measured(reading.Lower ?? value)}, "
                + $"{Numbers.Measured(reading.Upper ?? value)}]"
            : $"not measured: {reading.Reason}";

    /// <summary>
    /// The rows that a reading rests on: <c>1000 rows</c>, or <c>64 of 1000 rows</c> where these were enough.
    /// </summary>
    public static string Rows(MeasuredValue reading) =>
        reading.Attacked is { StoppedEarly: true } a ? $"{a.Inputs} of {a.Of} rows" : $"{reading.Count} rows";

    /// <summary>
    /// What an attack took: <c>decided after 64 of 1,000 inputs</c>; empty where there is nothing to say.
    /// </summary>
    public static string Effort(MeasuredValue? reading)
    {
        if (reading?.Attacked is not { } attacked)
            return "";
        List<FormattableString> parts = [];
        if (attacked.StoppedEarly)
            parts.Add($"decided after {attacked.Inputs:N0} of {attacked.Of:N0} inputs");
        if (attacked.BrokenByKept > 0)
            parts.Add($"earlier examples break {attacked.BrokenByKept:N0} more");
        return string.Join(", ", parts.Select(FormattableString.Invariant));
    }

    /// <summary>That more might be found with more time, in one sentence; null where all was tried.</summary>
    public static string? StoppedEarly(RepairSummary repair) =>
        repair.StoppedEarly
            ? $"The time limit{(repair.TimeLimit is { } limit ? $" of {Time(limit)}" : "")} came before the effort was "
                + "spent; a longer limit may find more."
            : null;

    /// <summary>A time as the policy writes it: <c>1h30m</c>.</summary>
    private static string Time(double seconds)
    {
        var time = TimeSpan.FromSeconds(seconds);
        var text = string.Concat(
            time.TotalHours >= 1 ? $"{(int)time.TotalHours}h" : "",
            time.Minutes > 0 ? $"{time.Minutes}m" : "",
            time.Seconds > 0 ? $"{time.Seconds}s" : ""
        );
        return text.Length > 0 ? text : "0s";
    }

    /// <summary>What a model's output holds.</summary>
    public static string Head(OutputHead head) =>
        head switch
        {
            OutputHead.LogSoftmax => "log-softmax",
            OutputHead.Softmax => "softmax",
            OutputHead.Sigmoid => "sigmoid",
            OutputHead.Probabilities => "probabilities",
            _ => "logits",
        };

    /// <summary>Until when a failure is accepted or was, and why.</summary>
    public static string Accepted(AcceptedFailure accepted, bool isOver)
    {
        var until = accepted.Until.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        var reason = Wording.Plain(accepted.Reason, 200);
        return isOver ? $"It was accepted until {until}, which is over: {reason}" : $"Accepted until {until}: {reason}";
    }
}
