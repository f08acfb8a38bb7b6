using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>Compares inputs with the bounds of the policy.</summary>
internal static class InputBounds
{
    private const double Slack = 1e-6; // float32 at the edge of [0, 1]
    private const long PartValues = 1 << 20;

    /// <summary>
    /// Values outside are an error where the unit is the data's own, a note where a fitted scale made them.
    /// </summary>
    /// <param name="sets">The rows of each split.</param>
    /// <param name="layout">Columns of tables.</param>
    /// <param name="policy">Bounds count when it gives them, or attacks.</param>
    /// <param name="notes">Gets the note.</param>
    public static void Check(
        IReadOnlyList<EvaluationSet> sets,
        FeatureLayout? layout,
        EvaluationPolicy policy,
        List<Diagnostic> notes
    )
    {
        var (lower, upper, position) = (policy.Input.Lower, policy.Input.Upper, policy.Data.Position);
        if (!policy.Input.BoundsGiven && !policy.ChangesInputs)
            return;
        using var scope = NewDisposeScope();
        // A missing value, NaN, is neither too small nor too large.
        var least = Extremes(
            sets,
            float.PositiveInfinity,
            x => layout is null ? x.min().reshape(1) : x.amin(0),
            minimum
        );
        var most = Extremes(
            sets,
            float.NegativeInfinity,
            x => layout is null ? x.max().reshape(1) : x.amax(0),
            maximum
        );
        var bounds = $"[{Wording.Number(lower)}, {Wording.Number(upper)}]";
        if (layout is null)
        {
            if (!Outside(0))
                return;
            var bytes = lower == 0 && upper == 1 && least[0] >= 0 && most[0] is > 1 and <= 255;
            throw position.Error(
                DiagnosticCodes.DataValue,
                $"The inputs {Range(0)}, outside the bounds {bounds}; "
                    + $"set {(bytes ? "'input.scale: 1/255'" : "'input.bounds' or 'input.scale'")}."
            );
        }

        var outside = layout.Columns.Where(c => Outside(c.Start)).ToArray();
        if (outside.Length == 0)
            return;
        if (policy.Data.Features.Scale == Scaling.None)
        {
            throw new GateException([
                .. outside
                    .Take(10)
                    .Select(c => new Diagnostic(
                        DiagnosticCodes.DataValue,
                        $"The values of {Wording.Quote(c.Name)} {Range(c.Start)}, outside the bounds {bounds}; "
                            + "set 'input.bounds', 'input.scale' or 'features.scale'.",
                        position
                    )),
            ]);
        }

        var named = Wording.List(outside.Take(5).Select(c => $"{Wording.Quote(c.Name)} (values {Range(c.Start)})"));
        var more = outside.Length > 5 ? $" and {outside.Length - 5} more columns" : "";
        // No bounds fit a deviation that nobody knew; those of a range do.
        if (policy is { Data.Features.Scale: Scaling.Standard, Input.BoundsGiven: false, KeepsBounds: true })
        {
            var (from, to) = (
                Math.Floor(outside.Min(c => least[c.Start])),
                Math.Ceiling(outside.Max(c => most[c.Start]))
            );
            notes.Add(
                new(
                    DiagnosticCodes.DataValue,
                    $"The bounds {bounds} are assumed, and attacks keep within them, but standardized values lie outside: "
                        + $"{named}{more}. Set 'input.bounds', such as [{Wording.Number(from)}, {Wording.Number(to)}].",
                    position,
                    Severity.Warning
                )
            );
            return;
        }

        notes.Add(
            new(
                DiagnosticCodes.DataValue,
                $"Some rows exceed the bounds {bounds} in {named}{more}. "
                    + "The scale was fitted on the repair split; these values are kept.",
                position,
                Severity.Note
            )
        );

        string Range(int column) => $"range from {Wording.Number(least[column])} to {Wording.Number(most[column])}";
        bool Outside(int column) => least[column] < lower - Slack || most[column] > upper + Slack;
    }

    // A missing value makes an extreme one, too: only then are values copied, part by part.
    private static float[] Extremes(
        IEnumerable<EvaluationSet> sets,
        double missing,
        Func<Tensor, Tensor> of,
        Func<Tensor, Tensor, Tensor> both
    )
    {
        Tensor? found = null;
        foreach (var rows in sets.Where(s => s.Count > 0))
        {
            var each = Math.Max(1, PartValues / Math.Max(1, rows.InputSize));
            for (long start = 0; start < rows.Count; start += each)
            {
                using var scope = NewDisposeScope();
                var values = rows.InputsOf(start, Math.Min(each, rows.Count - start));
                var part = of(values);
                if (part.isnan().any().item<bool>())
                    part = of(values.nan_to_num(missing));
                found = (found is null ? part : both(found, part)).MoveToOuterDisposeScope();
            }
        }

        return found!.data<float>().ToArray();
    }
}
