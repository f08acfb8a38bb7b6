using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

public sealed class KnownRowsTests
{
    [Theory]
    [InlineData(0.98, 0.80, true)]
    [InlineData(0.82, 0.80, false)]
    [InlineData(0.70, 0.80, false)] // rows that are harder are no sign
    public void Rows_on_which_a_model_is_far_more_often_right_are_named(double known, double other, bool sign)
    {
        // The input is the class that the model answers.
        using var model = new FunctionClassifier([1], 2, x => cat([x.neg(), x], 1));
        using var rows = Right(known);
        using var test = Right(other);
        using var evaluation = new Evaluation(model, test);
        var found = KnownRows.Sign(model, evaluation, rows, "select", null);
        Assert.Equal(sign, found is { Code: DiagnosticCodes.RepairRowsKnown, Severity: Severity.Warning });
    }

    private static EvaluationSet Right(double share)
    {
        const int count = 1000;
        var inputs = Enumerable.Range(0, count).Select(i => i % 2 == 0 ? 1f : -1f).ToArray();
        var labels = inputs.Select((x, i) => (x > 0 ? 1L : 0L) ^ (i < share * count ? 0L : 1L)).ToArray();
        return new(
            tensor(inputs).unsqueeze(1),
            tensor(labels),
            ["0", "1"],
            ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            1
        );
    }
}
