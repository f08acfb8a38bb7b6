using System.Globalization;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;

namespace PostTrainGate;

/// <summary>Gates in words, the same in every report.</summary>
internal static class GateText
{
    /// <summary>Metric, group, attack and budget in one short line.</summary>
    public static string Title(GateRule rule)
    {
        var title = rule.Metric.Replace('_', ' ');
        if (rule.Rate is { } rate)
            title += $" of {rate.Replace('_', ' ')}";
        if (rule.Classes != ClassView.Favorable)
            title += rule.Classes == ClassView.Macro ? ", mean over classes" : ", worst class";
        if (rule.Group is { } group)
            title += $" by {group}";
        if (rule.Certificate is { } ball)
            title += $", {ball.Method.ToString().ToUpperInvariant()} {ball.Norm} epsilon {Number(ball.Epsilon)}";
        if (rule.Smoothing is { } noise)
            title += $", sigma {Number(noise.Sigma)} L2 epsilon {Number(noise.Epsilon)}";
        if (rule.Corruption is { } corruption)
        {
            if (!corruption.Names.IsEmpty)
                title += $", {Wording.List(corruption.Names)}";
            if (corruption.Severities.Length < 5)
                title += $", severity {Wording.List(corruption.Severities.Select(s => $"{s}"))}";
        }

        return rule.Attack is { } attack ? $"{title}, {Attack(attack)}" : title;
    }

    /// <summary>The threshold: <c>at least 0.72, at most 0.01 below the base</c>.</summary>
    public static string Threshold(GateRule rule, Better better)
    {
        var parts = new List<string>();
        if (rule.Min is { } min)
            parts.Add($"at least {Number(min)}");
        if (rule.Max is { } max)
            parts.Add($"at most {Number(max)}{(better == Better.NearZero ? " in size" : "")}");
        if (rule.Drop is { } drop)
            parts.Add($"at most {Number(drop)} worse than the base");
        return string.Join(", ", parts);
    }

    /// <summary>A reading with its interval: <c>0.731 [0.702, 0.758]</c>.</summary>
    public static string Value(Reading reading) =>
        reading.Value is { } value
            ? $"{Measured(value)} [{Measured(reading.Lower ?? value)}, {Measured(reading.Upper ?? value)}]"
            : $"not measured: {reading.Reason}";

    /// <summary>The rows that a reading rests on: <c>1000 rows</c>, or <c>64 of 1000 rows</c> where these were enough.</summary>
    public static string Rows(Reading reading) =>
        reading.Attacked is { StoppedEarly: true } a ? $"{a.Inputs} of {a.Of} rows" : $"{reading.Count} rows";

    /// <summary>What an attack took: <c>decided after 64 of 1,000 inputs</c>; empty where there is nothing to say.</summary>
    public static string Effort(Reading? reading)
    {
        if (reading?.Attacked is not { } attacked)
            return "";
        List<FormattableString> parts = [];
        if (attacked.StoppedEarly)
            parts.Add($"decided after {attacked.Inputs:N0} of {attacked.Of:N0} inputs");
        if (attacked.BrokenByKept > 0)
            parts.Add($"{attacked.BrokenByKept:N0} broken by kept examples");
        return string.Join(", ", parts.Select(FormattableString.Invariant));
    }

    /// <summary>
    /// A measured number: three decimals, so that values stand under each other, or two significant digits for a tiny one.
    /// </summary>
    public static string Measured(double value) =>
        value.ToString(Math.Abs(value) is > 0 and < 0.0005 ? "G2" : "0.000", CultureInfo.InvariantCulture);

    /// <summary>A number that somebody chose: at most three decimals, or three significant digits for a small one.</summary>
    public static string Number(double value) =>
        (
            Math.Abs(value) is > 0 and < 0.01
                ? value.ToString("G3", CultureInfo.InvariantCulture)
                : value.ToString("0.###", CultureInfo.InvariantCulture)
        );

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

    private static string Attack(AttackSettings attack)
    {
        var text =
            $"{attack.Name.ToUpperInvariant()} {attack.Norm}{(double.IsFinite(attack.Epsilon) ? $" epsilon {Number(attack.Epsilon)}" : "")}";
        if (attack.Steps is { } steps)
            text += $", {steps} steps";
        if (Catalog.Attacks.FirstOrDefault(a => a.Name == attack.Name) is { KeepsForm: true })
            text += attack.Categories == 1 ? ", 1 category" : $", {attack.Categories} categories";
        return attack.Restarts > 1 ? $"{text}, {attack.Restarts} restarts" : text;
    }
}
