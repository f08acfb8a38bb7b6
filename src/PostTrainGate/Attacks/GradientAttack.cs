using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Steps along the normalised gradient of the cross-entropy, projected after each: projected gradient descent (Madry et al. 2018).
/// The fast gradient sign method (Goodfellow et al. 2015) is its one step of size epsilon.
/// </summary>
public sealed class GradientAttack : IAttack
{
    private readonly int _steps;
    private readonly double _reach;
    private readonly bool _randomStart;

    // reach: how far all steps together lead, in units of epsilon
    private GradientAttack(string name, string summary, int steps, double reach, bool randomStart) =>
        (Name, Summary, _steps, _reach, _randomStart) = (name, summary, steps, reach, randomStart);

    /// <summary>Fast gradient sign method; with <c>steps</c> above 1 the basic iterative method (Kurakin et al. 2017).</summary>
    public static GradientAttack Fgsm { get; } = new("fgsm",
        "Fast gradient sign method: one step of size epsilon along the gradient of the cross-entropy (Goodfellow et al. 2015).",
        steps: 1, reach: 1, randomStart: false);

    /// <summary>Projected gradient descent: 40 steps of 2.5 epsilon / steps from a random point, unless settings say otherwise.</summary>
    public static GradientAttack Pgd { get; } = new("pgd",
        "Projected gradient descent: 40 steps of 2.5 epsilon / 40 from a random point of the ball (Madry et al. 2018).",
        steps: 40, reach: 2.5, randomStart: true);

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Summary { get; }

    /// <inheritdoc/>
    public bool NeedsGradients => true;

    /// <inheritdoc/>
    public Tensor Perturb(AttackContext context, Tensor inputs, Tensor labels)
    {
        var budget = context.Budget;
        var steps = context.Settings.Steps ?? _steps;
        var stepSize = context.Settings.StepSize ?? _reach * budget.Epsilon / steps;

        using var gradients = enable_grad();
        using var scope = NewDisposeScope();
        var result = inputs.detach().clone();
        var batch = new Batch(inputs.detach(), labels.detach(), arange(labels.shape[0], dtype: int64),
            context.RandomStart ?? _randomStart ? budget.RandomPoint(inputs, context.Random) : inputs.detach());
        for (var step = 0; step < steps && batch.Count > 0; step++)
        {
            context.Cancel.ThrowIfCancellationRequested();
            using var stepScope = NewDisposeScope();
            var x = batch.X.detach().requires_grad_();
            var logits = context.Model.Logits(x); // [rows, classes]
            var gradient = LossGradient(logits, x, batch.Labels);
            var next = batch with { X = budget.Project(batch.Clean, batch.X + stepSize * budget.Direction(gradient)) };
            batch = (context.StopAtSuccess ? next.WithoutBroken(logits, batch.X, result) : next).Replace(batch);
        }

        result.index_copy_(0, batch.Rows, batch.X);
        return result.MoveToOuterDisposeScope();
    }

    // The gradient of a row's cross-entropy with respect to its logits is p - onehot(y) = (1 - p_y) (q - onehot(y)), q being the softmax
    // over the wrong classes. Directions are normalised by row, so the positive factor changes no step; left out, a saturated
    // softmax (1 - p_y rounds to 0 from a gap of 17 on, everything from 104 on) cannot hide the gradient. Rows do not
    // mix, so the size of the batch has no influence.
    private static Tensor LossGradient(Tensor logits, Tensor x, Tensor labels)
    {
        using var scope = NewDisposeScope();
        var z = logits.detach();
        var isTrue = zeros_like(z, dtype: ScalarType.Bool).scatter_(1, labels.unsqueeze(1), ones(labels.shape[0], 1, dtype: ScalarType.Bool));
        var ascent = z.masked_fill(isTrue, double.NegativeInfinity).softmax(1).masked_fill(isTrue, -1);
        return autograd.grad([logits], [x], [ascent])[0].MoveToOuterDisposeScope();
    }

    // Rows that still stand; Rows are their places in the batch that was handed over.
    private sealed record Batch(Tensor Clean, Tensor Labels, Tensor Rows, Tensor X)
    {
        public long Count => Rows.shape[0];

        // Writes the inputs on which the classifier erred to their places and goes on with the others.
        public Batch WithoutBroken(Tensor logits, Tensor seen, Tensor result)
        {
            var broken = AttackHarness.Errs(logits.detach(), Labels);
            var gone = broken.nonzero().flatten();
            if (gone.shape[0] == 0) return this;
            result.index_copy_(0, Rows.index_select(0, gone), seen.index_select(0, gone));
            var left = broken.logical_not().nonzero().flatten();
            return new(Clean.index_select(0, left), Labels.index_select(0, left), Rows.index_select(0, left), X.index_select(0, left));
        }

        // Takes the place of the batch before it: what is new leaves the scope of the step, what it replaces is freed.
        public Batch Replace(Batch old)
        {
            foreach (var (tensor, before) in Tensors.Zip(old.Tensors).Where(t => !ReferenceEquals(t.First, t.Second)))
            {
                tensor.MoveToOuterDisposeScope();
                before.Dispose();
            }

            return this;
        }

        private Tensor[] Tensors => [Clean, Labels, Rows, X];
    }
}
