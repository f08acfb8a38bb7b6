using System.Collections.Immutable;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>A classifier given by a formula, where a test has to know the right answer in advance.</summary>
internal sealed class FunctionClassifier(
    long[] inputShape,
    int classes,
    Func<Tensor, Tensor> logits,
    InputPolicy? input = null,
    bool hasGradients = true
) : Classifier
{
    /// <summary>Rows that went through <see cref="Logits"/>.</summary>
    public long Rows { get; private set; }

    public override string Name => "a formula";

    public override ImmutableArray<long> InputShape => [.. inputShape];

    public override int Classes => classes;

    public override OutputHead Head => OutputHead.Logits;

    public override InputPolicy Input => input ?? new();

    public override bool HasGradients => hasGradients;

    public override Tensor Logits(Tensor inputs)
    {
        Rows += inputs.shape[0];
        return logits(inputs);
    }

    public override void Dispose() { }
}
