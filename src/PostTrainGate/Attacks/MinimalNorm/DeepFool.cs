using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// DeepFool (Moosavi-Dezfooli et al. 2016): steps onto the nearest of the linearized boundaries of the ten likeliest
/// classes until the classifier errs. Its figures are those of foolbox. Not in L1, where a step moves one value, which
/// is soon at its bound.
/// </summary>
public sealed class DeepFool : MinimalAttack
{
    private const int Steps = 50,
        Candidates = 10;
    private const double Overshoot = 1.02;

    private DeepFool()
        : base(
            "deepfool",
            "DeepFool: steps onto the nearest linearized boundary until the class changes "
                + "(Moosavi-Dezfooli et al. 2016); minimal norm.",
            needsGradients: true,
            Norm.L2,
            Norm.Linf
        ) { }

    /// <summary>The attack.</summary>
    public static DeepFool Instance { get; } = new();

    /// <inheritdoc/>
    public override string Title => "DeepFool";

    /// <inheritdoc/>
    internal override void Run(AttackContext context, ActiveBatch rows)
    {
        using var scope = NewDisposeScope();
        var clean = InputGradient.Logits(context.Model, rows.Clean.Value);
        using var classes = rows.Keep(clean.topk((int)Math.Min(Candidates, clean.shape[1]), 1).indexes);
        using var x = rows.Keep(rows.Clean.Value);
        using var sum = rows.Keep(zeros_like(x.Value));
        var steps = context.Settings.Steps ?? Steps;
        for (var step = 0; step <= steps && rows.Count > 0; step++)
        {
            context.Begin(step, steps);
            using var stepScope = NewDisposeScope();
            // A look without gradients first: most of a step's work is one pass backward for each class.
            var errs = AttackHarness.Errs(InputGradient.Logits(context.Model, x.Value), rows.Labels.Value);
            rows.Found(errs, x.Value, leave: true);
            if (step == steps || rows.Count == 0)
                break;
            sum.Value = sum.Value.Plus(ToBoundary(context, x.Value, classes.Value).reshape(x.Value.shape));
            var next = rows.Clean.Value.Plus(sum.Value * Scalars.Get(Overshoot));
            x.Value = (context.Budget with { Epsilon = double.PositiveInfinity }).Project(rows.Clean.Value, next);
        }
    }

    // [rows, values]
    private static Tensor ToBoundary(AttackContext context, Tensor x, Tensor classes)
    {
        var budget = context.Budget;
        var (_, differences, gradients) = InputGradient.OfDifferences(
            context.Model,
            x,
            classes.narrow(1, 0, 1),
            classes.narrow(1, 1, classes.shape[1] - 1)
        );
        var lengths = budget.DualLength(gradients).Plus(1e-8);
        var (distance, best) = (differences.abs() / lengths).min(1, keepdim: true);
        var gradient = gradients.gather(1, best.unsqueeze(2).expand(-1, -1, gradients.shape[2])).squeeze(1);
        // A little further, so that no step is lost to rounding.
        return budget.Direction(gradient) * distance.Plus(1e-4);
    }
}
