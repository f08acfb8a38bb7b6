using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Adversarial debiasing (Zhang, Lemoine and Mitchell, AIES 2018; AIF360's AdversarialDebiasing): an adversary guesses
/// the group from score and label; the model learns the labels, without what helps the adversary, tensor by tensor:
/// the gradient loses its projection on the adversary's, and goes against it by alpha. Applied to the given model.
/// </summary>
internal sealed class AdversarialDebiasing : IRepair
{
    private const int Steps = 1500;
    private const int Batch = 256;
    private const int Checkpoints = 4;
    private const double Rate = 1e-3,
        Decay = 0.96; // every 1,000 steps

    private static readonly double[] Alphas = [0.1, 1];

    /// <inheritdoc/>
    public bool ByDefault => false;

    /// <inheritdoc/>
    public string Name => "adversarial_debiasing";

    /// <inheritdoc/>
    public string Summary =>
        "Learns the labels without what tells an adversary the group (Zhang et al., AIES 2018; baseline ADV).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context) =>
        context.ByGroup().Length == 0 ? "no gate with a group failed" : null;

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context)
    {
        var cost = TuningCost.Measure(context.Source, context.RepairSet.Inputs).Seconds(Steps, 5, Batch);
        foreach (var group in context.FailedGroups())
        foreach (var alpha in Alphas)
            yield return new DirectPlan(
                string.Create(CultureInfo.InvariantCulture, $"adversarial_debiasing alpha {alpha:G2} ({group.Name})"),
                cost,
                run => Make(run, group, alpha)
            );
    }

    private static DirectResult Make(DirectRun run, GroupColumn group, double alpha)
    {
        var (context, data) = (run.Context, run.Context.RepairSet);
        var known = tensor(
            Enumerable
                .Range(0, data.Count)
                .Where(i => GroupColumn.CountedLevel(group, i) >= 0)
                .Select(i => (long)i)
                .ToArray()
        );
        var sides = tensor(
            Enumerable.Range(0, data.Count).Select(i => (long)Math.Max(0, GroupColumn.CountedLevel(group, i))).ToArray()
        );
        var model = context.Source.Clone();
        using var adversary = new GroupAdversary(
            group.Privileged is null ? group.Levels.Length : 2,
            data.Favorable,
            run.Random
        );
        using var adam = new Adam();
        string[] names = [.. Slices.All(model, model.Layers).Keys];
        Tensor[] weights = [.. names.Select(n => model.Parameters[n])];
        OnnxClassifier? best = null;
        SelectionScore bestScore = default;
        var steps = run.Steps(Steps);
        for (var step = 0; step < steps && !run.IsLate; step++)
        {
            using (NewDisposeScope())
            {
                var rows = known.index_select(
                    0,
                    randint(known.shape[0], [Batch], dtype: ScalarType.Int64, generator: run.Random)
                );
                Step(rows, Rate * Math.Pow(Decay, step / 1000));
            }

            if ((step + 1) % Math.Max(1, steps / Checkpoints) == 0)
                Keep();
        }

        if (best is null)
            return new(model, ("group", group.Name), ("steps", "0"));
        model.Dispose();
        return new(best, ("group", group.Name), ("steps", $"{steps}"));

        void Step(Tensor rows, double rate)
        {
            foreach (var weight in weights)
                weight.requires_grad_(true);
            var labels = data.Labels.index_select(0, rows);
            var logits = model.Logits(data.Inputs.index_select(0, rows));
            var guess = adversary.Loss(logits, labels, sides.index_select(0, rows));
            var ofGroup = autograd.grad([guess], weights, retain_graph: true, allow_unused: true);
            var ofTheta = autograd.grad([guess], [adversary.Theta], retain_graph: true)[0];
            var ofLabel = autograd.grad([nn.functional.cross_entropy(logits, labels)], weights, allow_unused: true);
            foreach (var weight in weights)
                weight.requires_grad_(false);
            using var _ = no_grad();
            var flat = cat(
                [.. weights.Zip(ofLabel, ofGroup).Select(g => Without(g.First, g.Second, g.Third, alpha))],
                0
            );
            var vector = cat([.. weights.Select(w => w.reshape(-1))], 0);
            adam.Step(vector, flat, rate);
            long at = 0;
            foreach (var weight in weights)
            {
                weight.copy_(vector.narrow(0, at, weight.numel()).view(weight.shape));
                at += weight.numel();
            }

            adversary.Step(ofTheta, rate);
        }

        void Keep()
        {
            var score = context.Selection.Score(model);
            if (best is not null && score.CompareTo(bestScore) <= 0)
                return;
            best?.Dispose();
            (best, bestScore) = (model.Clone(), score);
        }
    }

    /// <summary>One tensor's gradient of the labels, without its part along the adversary's, against it by alpha.</summary>
    internal static Tensor Without(Tensor weight, Tensor? ofLabel, Tensor? ofGroup, double alpha)
    {
        if (ofLabel is null)
            return zeros(weight.numel());
        var gradient = ofLabel.reshape(-1);
        if (ofGroup is null)
            return gradient;
        var against = ofGroup.reshape(-1);
        using Scalar small = 1e-12,
            share = -alpha;
        var along = against.div(against.norm().add(small));
        return gradient.sub(along.mul(gradient.dot(along))).add(against, share);
    }
}

/// <summary>Guesses a row's group from its score and label: linear in s, s y and s (1 - y).</summary>
internal sealed class GroupAdversary : IDisposable
{
    private readonly int _sides;
    private readonly int _favorable;
    private readonly Adam _adam = new();

    /// <summary>A fresh adversary.</summary>
    public GroupAdversary(int sides, int favorable, Generator random)
    {
        (_sides, _favorable) = (sides, favorable);
        using var scope = NewDisposeScope();
        using Scalar width = 0.1;
        var first = ones(1);
        Theta = cat([first, randn([3 * sides], generator: random).mul(width), zeros(sides)], 0)
            .DetachFromDisposeScope();
        Theta.requires_grad_(true);
    }

    /// <summary>The sharpness c of the score, then weights and biases.</summary>
    public Tensor Theta { get; }

    /// <summary>Cross-entropy of the guesses.</summary>
    public Tensor Loss(Tensor logits, Tensor labels, Tensor sides)
    {
        using Scalar one = 1;
        var probabilities = logits.log_softmax(1).select(1, _favorable);
        var odds = probabilities.sub(probabilities.exp().neg().add(one).clamp_min(1e-6).log());
        var score = odds.mul(Theta[0].abs().add(one)).sigmoid();
        var good = labels.eq(_favorable).to_type(ScalarType.Float32);
        var inputs = stack([score, score.mul(good), score.mul(good.neg().add(one))], 1);
        var guess = inputs
            .mm(Theta.narrow(0, 1, 3 * _sides).view(3, _sides))
            .add(Theta.narrow(0, 1 + 3 * _sides, _sides));
        return nn.functional.cross_entropy(guess, sides);
    }

    /// <summary>One step down its own loss.</summary>
    public void Step(Tensor gradient, double rate)
    {
        using var _ = no_grad();
        Theta.requires_grad_(false);
        _adam.Step(Theta, gradient.detach(), rate);
        Theta.requires_grad_(true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _adam.Dispose();
        Theta.Dispose();
    }
}
