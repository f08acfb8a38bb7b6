using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Evaluations;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// Accuracy on a fixed set of adversarial examples of the model before the repair: the empirical robustness that Dare
/// reports (Jiang et al., TOSEM 2024). A transfer measure: the attack never sees the repaired model, so a high value
/// does not say that it is robust; <see cref="RobustAccuracy"/> does. Unrelated to the quantity of the same name in
/// adversarial-robustness toolboxes (mean size of a smallest perturbation).
/// </summary>
/// <remarks>
/// The set holds every row on which the attack succeeds and, unchanged, every row that was misclassified already (for
/// those, robust means corrected); rows that withstood the attack are not in it. Examples use the attack's whole
/// budget: those that stop at the first success lie on the decision boundary, where any change of the weights moves
/// half of them to the right side.
/// </remarks>
public sealed class EmpiricalRobustness : IDifferentiableMetric
{
    /// <inheritdoc/>
    public string Name => "empirical_robustness";

    /// <inheritdoc/>
    public string Summary =>
        "Accuracy on adversarial examples made on the model before the repair (Dare's measure, Jiang et al. 2024). "
        + "It measures transfer, not robustness against a fresh attack.";

    /// <inheritdoc/>
    public Better Better => Better.Higher;

    /// <inheritdoc/>
    public ImmutableArray<Key> Keys => AttackKeys.WithinEpsilon;

    /// <inheritdoc/>
    public bool ChangesInputs => true;

    /// <inheritdoc/>
    ISurrogate? IDifferentiableMetric.Surrogate(SurrogateContext context, out string? whyNot) =>
        (
            whyNot = Judge.WhyNoTarget(context.Rule)
                ?? AttackFit.WhyNot(context.Rule.Attack, context.Source, context.Data)
        )
            is null
            ? new TransferSurrogate(context)
            : null;

    /// <inheritdoc/>
    public Measurement Measure(MetricContext context)
    {
        var reference = context.Reference ?? context.Evaluation;
        if (AttackFit.WhyNot(context.Rule.Attack, reference) is { } reason)
            return Measurement.NotMeasured(reason);
        // The same set for every model: its seed is that of the rows, not that of this measurement.
        var key = (nameof(EmpiricalRobustness), context.Rule.Attack, context.Rule.Samples, context.RowSeed);
        var set = reference.Once(key, () => Transfer(context, reference));
        var count = (int)set.Labels.shape[0];
        if (count == 0)
            return Measurement.NotMeasured("the attack found no adversarial example on the model before the repair");
        using var scope = NewDisposeScope();
        var errors = AttackHarness
            .Errs(context.Evaluation.Model.LogitsOfAll(set.Inputs), set.Labels)
            .sum()
            .item<long>();
        context.Progress?.Report(1);
        return Intervals.Proportion(count - (int)errors, count, context.Confidence);
    }

    private static TransferSet Transfer(MetricContext context, Evaluation reference)
    {
        using var scope = NewDisposeScope();
        using var rows = reference.Data.Take(context.Chosen(reference.Data));
        using var outcome = AttackHarness.Run(
            reference.Model,
            rows,
            new(context.Rule.Attack!, context.RowSeed)
            {
                KeepExamples = true,
                StopAtSuccess = false,
                Progress = context.Progress,
                Cancel = context.Cancel,
            }
        );
        var broken = tensor(outcome.Robust.ToArray()).logical_not().nonzero().flatten();
        var (inputs, labels) = (outcome.Examples!.index_select(0, broken), rows.Labels.index_select(0, broken));
        return new(inputs.DetachFromDisposeScope(), labels.DetachFromDisposeScope());
    }

    private sealed record TransferSet(Tensor Inputs, Tensor Labels) : IDisposable
    {
        public void Dispose()
        {
            Inputs.Dispose();
            Labels.Dispose();
        }
    }
}
