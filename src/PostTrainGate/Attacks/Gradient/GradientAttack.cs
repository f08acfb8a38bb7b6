using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Steps along the normalized gradient of the cross-entropy, projected after each: projected gradient descent (Madry et
/// al. 2018). The fast gradient sign method (Goodfellow et al. 2015) is its one step of size epsilon.
/// </summary>
public sealed class GradientAttack : RowAttack
{
    private readonly int _steps;
    private readonly double _reach,
        _momentum,
        _finish;
    private readonly bool _randomStart;
    private readonly Func<Tensor, Tensor, Tensor> _ascent;

    // reach: how far all steps together lead, in units of epsilon; ascent: gradient of the loss with respect to the
    // logits; momentum: how much of the gradients before counts in a step; finish: steps on the margin after the others,
    // as a part of them
    private GradientAttack(
        string name,
        string summary,
        int steps,
        double reach,
        bool randomStart,
        Func<Tensor, Tensor, Tensor> ascent,
        double momentum = 0,
        double finish = 0
    )
        : base(name, summary, needsGradients: true)
    {
        (_steps, _reach, _randomStart, _ascent) = (steps, reach, randomStart, ascent);
        (_momentum, _finish) = (momentum, finish);
    }

    /// <summary>
    /// Fast gradient sign method as the literature has it, so that its figures are those of other tools; with
    /// <c>steps</c> above 1 the basic iterative method (Kurakin et al. 2017).
    /// </summary>
    public static GradientAttack Fgsm { get; } =
        new(
            "fgsm",
            "Fast gradient sign method: one step of size epsilon along the gradient of the cross-entropy "
                + "(Goodfellow et al. 2015).",
            steps: 1,
            reach: 1,
            randomStart: false,
            CrossEntropy
        );

    /// <summary>
    /// Projected gradient descent: 40 steps of 2.5 epsilon / steps from a random point, unless settings say otherwise,
    /// along the cross-entropy's gradient as it is in exact arithmetic, so that an overconfident classifier is attacked
    /// in full strength. What still stands then is often next to one boundary, which the cross-entropy weighs against
    /// all others: a quarter as many steps, shorter and shorter, go along the margin alone.
    /// </summary>
    public static GradientAttack Pgd { get; } =
        new(
            "pgd",
            "Projected gradient descent: 40 steps of 2.5 epsilon / 40 from a random start (Madry et al. 2018), and 10 "
                + "along the margin for what still stands.",
            steps: 40,
            reach: 2.5,
            randomStart: true,
            Unsaturated,
            finish: 0.25
        );

    /// <summary>Basic iterative method: the fast gradient sign method in ten steps of epsilon / 5.</summary>
    public static GradientAttack Bim { get; } =
        new(
            "bim",
            "Basic iterative method: 10 steps of epsilon / 5 along the gradient of the cross-entropy "
                + "(Kurakin et al. 2017).",
            steps: 10,
            reach: 2,
            randomStart: false,
            Unsaturated
        );

    /// <summary>With momentum, whose examples transfer better to other models.</summary>
    public static GradientAttack MiFgsm { get; } =
        new(
            "mi_fgsm",
            "Momentum iterative method: 10 steps of epsilon / 10 along the accumulated gradient (Dong et al. 2018).",
            steps: 10,
            reach: 1,
            randomStart: false,
            Unsaturated,
            momentum: 1
        );

    /// <inheritdoc/>
    public override bool IsIterative => _steps > 1;

    /// <inheritdoc/>
    public override bool IsSingleStep => _steps == 1;

    /// <inheritdoc/>
    internal override void Run(AttackContext context, ActiveBatch rows)
    {
        var budget = context.Budget;
        var steps = context.Settings.Steps ?? _steps;
        var stepSize = context.Settings.StepSize ?? _reach * budget.Epsilon / steps;
        // Where every row takes all steps, as in training, it is the attack of the literature.
        var finish = context.StopAtSuccess ? (int)(_finish * steps) : 0;

        using var scope = NewDisposeScope();
        var randomStart = context.RandomStart ?? context.Settings.RandomStart ?? _randomStart;
        using var x = rows.Keep(randomStart ? budget.RandomPoint(rows.Clean.Value, context.Random) : rows.Clean.Value);
        using var next = rows.Keep(x.Value);
        using var sum = _momentum == 0 ? null : rows.Keep(zeros_like(x.Value));
        for (var step = 0; step < steps + finish && rows.Count > 0; step++)
        {
            context.Begin(step, steps + finish);
            using var stepScope = NewDisposeScope();
            var ascent = step < steps ? _ascent : Margin;
            var (logits, gradient) = Differentiate(context, x.Value, rows.Labels.Value, ascent);
            if (sum is not null)
                gradient = sum.Value = (sum.Value * Scalars.Get(_momentum)).Plus(Mean(gradient));
            if (budget.Norm == Norm.L1)
                gradient = budget.Open(rows.Clean.Value, x.Value, gradient);
            var size = step < steps ? stepSize : stepSize * (steps + finish - step) / finish;
            next.Value = budget.Step(rows.Clean.Value, x.Value, gradient, size);
            if (context.StopAtSuccess)
                rows.Judge(context, logits, x.Value);
            x.Value = next.Value;
        }

        rows.Found(ones(rows.Count, dtype: ScalarType.Bool).On(x.Value), x.Value, leave: true); // the harness judges the last step
    }

    private static (Tensor Logits, Tensor Gradient) Differentiate(
        AttackContext context,
        Tensor x,
        Tensor labels,
        Func<Tensor, Tensor, Tensor> ascent
    ) =>
        InputGradient.Along(context.Model, x, (z, of) =>
            ascent(z, nn.functional.one_hot(of(labels), z.shape[1]).to(ScalarType.Bool))
        );

    // Over its mean size, so that every step's gradient counts the same.
    private static Tensor Mean(Tensor gradient)
    {
        var finite = gradient.nan_to_num(0);
        return finite / ActiveBatch.PerRow(finite.flatten(1).abs().mean([1]).clamp_min(Scalars.Get(1e-20)), finite);
    }

    // p - onehot(y). Where all of it has vanished in float32, only its direction is left to go by.
    private static Tensor CrossEntropy(Tensor z, Tensor isTrue)
    {
        var ascent = nn.functional.log_softmax(z, 1).exp() - isTrue.to(z.dtype);
        return where(ascent.abs().amax([1], keepdim: true).lt(Scalars.Get(1e-20)), Unsaturated(z, isTrue), ascent);
    }

    // p - onehot(y) = (1 - p_y) (q - onehot(y)), q being the softmax over the wrong classes. Steps are normalized by
    // row, so that the factor changes none; but in float32 it is rounded to a multiple of 6e-8, and all is gone from a
    // gap of 104 between logits on.
    private static Tensor Unsaturated(Tensor z, Tensor isTrue) =>
        Others(z, isTrue).softmax(1).masked_fill(isTrue, Scalars.Get(-1));

    // onehot(the likeliest wrong class) - onehot(y).
    private static Tensor Margin(Tensor z, Tensor isTrue) =>
        nn.functional.one_hot(Others(z, isTrue).argmax(1), z.shape[1]).to(z.dtype).masked_fill(isTrue, Scalars.Get(-1));

    private static Tensor Others(Tensor z, Tensor isTrue) =>
        z.masked_fill(isTrue, Scalars.Get(double.NegativeInfinity));
}
