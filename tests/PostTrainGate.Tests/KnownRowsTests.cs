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

    [Theory]
    [InlineData(3, 1, true)]
    [InlineData(1, 3, false)]
    [InlineData(1, 1, false)]
    public void Rows_of_which_a_model_is_surer_are_named_too(float known, float other, bool sign)
    {
        using var model = new FunctionClassifier([1], 2, x => cat([x.neg(), x], 1));
        using var rows = Right(0.9, known);
        using var test = Right(0.9, other);
        using var evaluation = new Evaluation(model, test);
        var found = KnownRows.Sign(model, evaluation, rows, "repair", null);
        Assert.Equal(
            sign,
            found?.Message.Contains("smaller than on a test row in 90 % of pairs", StringComparison.Ordinal) == true
        );
    }

    private static EvaluationSet Right(double share, float size = 1)
    {
        const int count = 1000;
        var inputs = Enumerable.Range(0, count).Select(i => i % 2 == 0 ? size : -size).ToArray();
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
