using PostTrainGate.Attacks;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// Cross-entropy on inputs that one step from a random start attacks on the model as it stands (fast adversarial
/// training, Wong et al. 2020). The figure is the share of rows that withstand a few steps.
/// </summary>
internal class AttackSurrogate : LabelSurrogate
{
    private const int Steps = 10;
    private const double Reach = 2.5; // of all steps together, as those of the attack named pgd

    private readonly Generator _random;
    private readonly ulong _seed;

    /// <param name="context">Model, rows and gate.</param>
    /// <param name="epsilon">Size of perturbations; null: the gate's.</param>
    public AttackSurrogate(SurrogateContext context, double? epsilon = null)
        : base(context)
    {
        var (settings, input) = (context.Rule.Attack!, context.Source.Input);
        Budget = Budget.FromSettings(epsilon is { } size ? settings with { Epsilon = size } : settings, input) with
        {
            Form = new AttackRun(settings, context.Seed) { Layout = context.Data.Layout }.Form(input),
        };
        _seed = (ulong)Seeds.Derive(context.Seed, $"surrogate {context.Rule.Metric.Name}");
        _random = new(_seed, CPU);
    }

    /// <inheritdoc/>
    public override double Passes => 2 * ForwardAndBack;

    /// <summary>What inputs may become.</summary>
    protected Budget Budget { get; }

    /// <inheritdoc/>
    public override void Dispose()
    {
        Budget.Form?.Dispose();
        _random.Dispose();
    }

    /// <inheritdoc/>
    protected override Tensor LogitsOf(SurrogateBatch batch) =>
        batch.Model.Logits(InnerAttack.Perturb(batch.Model, Budget, batch.Inputs, batch.Labels, _random));

    /// <inheritdoc/>
    protected override double Figure(SurrogateBatch batch)
    {
        var wrong = AttackHarness.Errs(batch.Logits, batch.Labels);
        var attacked = batch.Model.LogitsOfAll(Attacked(batch.Model, batch));
        return 1 - wrong.logical_or(AttackHarness.Errs(attacked, batch.Labels)).to(float64).mean().item<double>();
    }

    /// <summary>Inputs after several steps, which are the same at every call.</summary>
    protected Tensor Attacked(Classifier model, SurrogateBatch batch)
    {
        using var random = new Generator(_seed, CPU);
        return InnerAttack.Perturb(model, Budget, batch.Inputs, batch.Labels, random, Steps, Reach);
    }
}

/// <summary>
/// The same within the distance that the gate asks for. The figure is the median distance that a short run of the
/// minimal-norm attack FMN finds.
/// </summary>
internal sealed class DistanceSurrogate(SurrogateContext context) : AttackSurrogate(context, context.Rule.Min)
{
    private const int Steps = 20;

    private readonly AttackRun _run = new(
        context.Rule.Attack! with
        {
            Attack = Fmn.Instance,
            Steps = Steps,
            Epsilon = double.PositiveInfinity,
        },
        context.Seed
    );

    /// <inheritdoc/>
    protected override double Figure(SurrogateBatch batch)
    {
        using var found = AttackHarness.Distances(batch.Model, batch.Inputs, batch.Labels, _run);
        // Without a row that is right there is none to be far from an error; where no error is found, far enough is.
        return double.IsNaN(found.Median) ? 0 : Math.Min(found.Median, 2 * Rule.Min!.Value);
    }
}

/// <summary>
/// Cross-entropy on adversarial examples of the model before the repair, made anew for each batch. The figure counts
/// the rows that they break there, and those that were wrong without them.
/// </summary>
internal sealed class TransferSurrogate(SurrogateContext context) : AttackSurrogate(context)
{
    private readonly OnnxClassifier _source = context.Source;

    /// <inheritdoc/>
    protected override Tensor LogitsOf(SurrogateBatch batch) => batch.Model.Logits(Examples(batch));

    /// <inheritdoc/>
    public override double Passes => 11 * ForwardAndBack;

    /// <inheritdoc/>
    protected override double Figure(SurrogateBatch batch)
    {
        var examples = Examples(batch);
        var broken = AttackHarness.Errs(_source.LogitsOfAll(examples), batch.Labels);
        var errs = AttackHarness.Errs(batch.Model.LogitsOfAll(examples), batch.Labels).logical_and(broken);
        return 1 - errs.sum().item<long>() / (double)broken.sum().item<long>();
    }

    // Rows that were wrong already stay as they are.
    private Tensor Examples(SurrogateBatch batch)
    {
        var wrong = AttackHarness.Errs(_source.LogitsOfAll(batch.Inputs), batch.Labels);
        return where(ActiveBatch.PerRow(wrong, batch.Inputs), batch.Inputs, Attacked(_source, batch));
    }
}
