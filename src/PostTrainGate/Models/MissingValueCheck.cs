using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Models;

/// <summary>Whether a model can use rows that lack values.</summary>
internal static class MissingValueCheck
{
    /// <summary>
    /// Refuses a model whose scores are not numbers, or which does not run, where values are missing.
    /// </summary>
    /// <exception cref="GateException">PTG3003.</exception>
    public static void Require(EvaluationPolicy policy, Classifier model, DataSplits splits)
    {
        var (undefined, why, place) = (0, (string?)null, (string?)null);
        foreach (var set in new[] { splits.Repair, splits.Select, splits.Test })
        {
            if (set.IncompleteRows is not { IsEmpty: false } rows)
                continue;
            using var part = set.Take(rows.AsSpan());
            try
            {
                using var scores = model.LogitsOfAll(part);
                using var found = scores.softmax(1).isnan().any(1);
                var isUndefined = found.data<bool>().ToArray();
                undefined += isUndefined.Count(u => u);
                if (Array.IndexOf(isUndefined, true) is >= 0 and var first)
                    place ??= set.PlaceInData(rows[first]);
            }
            catch (GateException refused)
            {
                (undefined, why) = (undefined + rows.Length, refused.Message);
                place ??= set.PlaceInData(rows[0]);
            }
        }

        if (undefined == 0)
            return;
        var layout = splits.Test.Layout;
        var columns = layout?.Columns.Where(c => c.Missing > 0).Select(c => (c.Name, c.Missing)).ToArray() ?? [];
        var named =
            columns.Length == 0
                ? "The inputs have missing values (NaN)"
                : $"Values are missing: {MissingValues.Named(columns)}";
        var said = why is null
            ? $"its scores are NaN in {DataProblem.Rows(undefined)} with missing values"
            : $"it fails on such rows ({why.TrimEnd('.')})";
        var advice = columns.Length == 0 ? MissingValues.ArrayAdvice : MissingValues.Advice;
        throw policy.Data.Position.Error(
            DiagnosticCodes.DataValue,
            $"{named}, but the model does not support them: {said}, as in {place}. Fix the data: {advice}."
        );
    }
}
