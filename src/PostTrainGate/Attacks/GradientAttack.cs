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
    private readonly Func<Tensor, Tensor, Tensor> _ascent;

    // reach: how far all steps together lead, in units of epsilon; ascent: gradient of the loss with respect to the logits
    private GradientAttack(string name, string summary, int steps, double reach, bool randomStart, Func<Tensor, Tensor, Tensor> ascent) =>
        (Name, Summary, _steps, _reach, _randomStart, _ascent) = (name, summary, steps, reach, randomStart, ascent);

    /// <summary>
    /// Fast gradient sign method as the literature has it, so that its figures are those of other tools; with <c>steps</c> above 1 the
    /// basic iterative method (Kurakin et al. 2017).
    /// </summary>
    public static GradientAttack Fgsm { get; } = new("fgsm",
        "Fast gradient sign method: one step of size epsilon along the gradient of the cross-entropy (Goodfellow et al. 2015).",
        steps: 1, reach: 1, randomStart: false, CrossEntropy);

    /// <summary>
    /// Projected gradient descent: 40 steps of 2.5 epsilon / steps from a random point, unless settings say otherwise, along the
    /// cross-entropy's gradient as it is in exact arithmetic, so that an overconfident classifier is attacked in full strength.
    /// </summary>
    public static GradientAttack Pgd { get; } = new("pgd",
        "Projected gradient descent: 40 steps of 2.5 epsilon / 40 from a random point of the ball (Madry et al. 2018).",
        steps: 40, reach: 2.5, randomStart: true, Unsaturated);

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
        var randomStart = context.RandomStart ?? context.Settings.RandomStart ?? _randomStart;
        var start = randomStart ? budget.RandomPoint(inputs, context.Random) : inputs.detach();
        var batch = new Batch(inputs.detach(), labels.detach(), arange(labels.shape[0], dtype: int64), start);
        for (var step = 0; step < steps && batch.Count > 0; step++)
        {
            context.Cancel.ThrowIfCancellationRequested();
            using var stepScope = NewDisposeScope();
            var x = batch.X.detach().requires_grad_();
            var logits = context.Model.Logits(x); // [rows, classes]
            var gradient = LossGradient(logits, x, batch.Labels);
            var next = batch with { X = budget.Project(batch.Clean, batch.X + budget.Direction(gradient).mul(Scalars.Of(stepSize))) };
            batch = (context.StopAtSuccess ? next.WithoutBroken(logits, batch.X, result) : next).Replace(batch);
        }

        result.index_copy_(0, batch.Rows, batch.X);
        return result.MoveToOuterDisposeScope();
    }

    // Of the loss summed over rows: rows do not mix, so that the size of the batch has no influence.
    private Tensor LossGradient(Tensor logits, Tensor x, Tensor labels)
    {
        if (!logits.requires_grad) return zeros_like(x); // nothing on the way from the input to the logits has a derivative
        using var scope = NewDisposeScope();
        var isTrue = nn.functional.one_hot(labels, logits.shape[1]).to(ScalarType.Bool); // [rows, classes]
        return autograd.grad([logits], [x], [_ascent(logits.detach(), isTrue)])[0].MoveToOuterDisposeScope();
    }

    // p - onehot(y). Where all of it has vanished in float32, only its direction is left to go by.
    private static Tensor CrossEntropy(Tensor z, Tensor isTrue)
    {
        var ascent = nn.functional.log_softmax(z, 1).exp() - isTrue.to(z.dtype);
        return where(ascent.abs().amax([1], keepdim: true).lt(Scalars.Of(1e-20)), Unsaturated(z, isTrue), ascent);
    }

    // p - onehot(y) = (1 - p_y) (q - onehot(y)), q being the softmax over the wrong classes. Steps are normalised by row, so that the
    // factor changes none; but in float32 it is rounded to a multiple of 6e-8, and all is gone from a gap of 104 between logits on.
    private static Tensor Unsaturated(Tensor z, Tensor isTrue) =>
        z.masked_fill(isTrue, Scalars.Of(double.NegativeInfinity)).softmax(1).masked_fill(isTrue, Scalars.Of(-1));

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
