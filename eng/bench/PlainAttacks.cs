using PostTrainGate.Attacks;
using PostTrainGate.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// Attacks as their papers and foolbox have them, a loop each over a batch, in which every row takes every step. Only
/// AutoAttack is made of the product's own parts, in the order and the batches of the original.
/// </summary>
/// <param name="Logits">[batch, input shape] to [batch, classes], with gradients.</param>
/// <param name="Clean">[n, input shape], in [0, 1].</param>
/// <param name="Labels">[n], int64.</param>
/// <param name="Epsilon">Largest change of a value, for those that descend.</param>
internal sealed record PlainAttacks(Func<Tensor, Tensor> Logits, Tensor Clean, Tensor Labels, double Epsilon)
{
    /// <summary>Rows at a time.</summary>
    public int Batch { get; init; } = 100;

    /// <summary>Where the rows ended, and which are right at every step of the way.</summary>
    public sealed record Result(Tensor Last, bool[] Standing)
    {
        /// <summary>Share of the rows that stand.</summary>
        public double Robust => Standing.Count(s => s) / (double)Standing.Length;

        /// <summary>What stands after both.</summary>
        public Result Then(Result next) => next with { Standing = [.. Standing.Zip(next.Standing, (a, b) => a && b)] };
    }

    /// <summary>The sum of the cross-entropies.</summary>
    public static Tensor CrossEntropy(Tensor logits, Tensor labels) =>
        nn.functional.cross_entropy(logits, labels, reduction: nn.Reduction.Sum);

    /// <summary>The sum over the rows of how far the best wrong logit is above the right one.</summary>
    public static Tensor Margin(Tensor logits, Tensor labels) => Margins(logits, labels).sum();

    private static Tensor Margins(Tensor logits, Tensor labels)
    {
        var isTrue = nn.functional.one_hot(labels, logits.shape[1]).to(ScalarType.Bool);
        return logits.masked_fill(isTrue, double.NegativeInfinity).amax([1])
            - logits.gather(1, labels.unsqueeze(1)).squeeze(1);
    }

    /// <summary>Signed gradient steps (Madry et al. 2018).</summary>
    public Result Descend(Tensor start, int steps, Func<int, double> size, Func<Tensor, Tensor, Tensor> loss)
    {
        var (parts, standing) = (new List<Tensor>(), new List<bool>());
        Each(
            (clean, labels, at) =>
            {
                var x = start.narrow(0, at, labels.shape[0]);
                var stands = Logits(clean).argmax(1).eq(labels);
                for (var step = 0; step < steps; step++)
                {
                    using var inner = NewDisposeScope();
                    var input = x.detach().requires_grad_();
                    var logits = Logits(input);
                    stands = stands.logical_and(logits.argmax(1).eq(labels)).MoveToOuterDisposeScope();
                    var slope = autograd.grad([loss(logits, labels)], [input])[0].sign();
                    x = (x + slope * size(step)).clamp(clean - Epsilon, clean + Epsilon).clamp(0, 1);
                    x = x.detach().MoveToOuterDisposeScope();
                }

                standing.AddRange(stands.logical_and(Logits(x).argmax(1).eq(labels)).data<bool>());
                parts.Add(x.MoveToOuterDisposeScope());
            }
        );
        return new(cat(parts, 0), [.. standing]);
    }

    /// <summary>
    /// DeepFool in L2 (Moosavi-Dezfooli et al. 2016) with foolbox's settings: 50 steps, the ten likeliest classes, an
    /// overshoot of 0.02.
    /// </summary>
    /// <returns>Distance of each row; 0 where it is wrong already, infinite where it still stands.</returns>
    public double[] DeepFool()
    {
        const int steps = 50,
            candidates = 10;
        const double overshoot = 0.02;
        var distances = new List<double>();
        Each(
            (clean, labels, _) =>
            {
                var (x, total) = (clean, zeros_like(clean));
                var order = Logits(clean).argsort(1, descending: true);
                for (var step = 0; step < steps; step++)
                {
                    using var inner = NewDisposeScope();
                    var input = x.detach().requires_grad_();
                    var logits = Logits(input);
                    var wrong = logits.argmax(1).ne(labels);
                    if (wrong.all().item<bool>())
                        break;
                    var first = logits.gather(1, order.narrow(1, 0, 1)).squeeze(1);
                    var (nearest, change) = (full(labels.shape[0], double.PositiveInfinity), zeros_like(clean));
                    for (var k = 1; k < Math.Min(candidates, logits.shape[1]); k++)
                    {
                        var loss = logits.gather(1, order.narrow(1, k, 1)).squeeze(1) - first;
                        var slope = autograd.grad([loss.sum()], [input], retain_graph: true)[0];
                        var length = slope.flatten(1).norm(1) + 1e-8;
                        var distance = loss.detach().abs() / length;
                        var isNearer = distance.lt(nearest);
                        change = where(PerRow(isNearer), slope * PerRow((distance + 1e-4) / length), change);
                        nearest = where(isNearer, distance, nearest);
                    }

                    total = where(PerRow(wrong), total, total + change);
                    x = (clean + total * (1 + overshoot)).clamp(0, 1).detach().MoveToOuterDisposeScope();
                    total.MoveToOuterDisposeScope();
                }

                var isFound = Logits(x).argmax(1).ne(labels);
                var sizes = (x - clean).flatten(1).norm(1).masked_fill(isFound.logical_not(), double.PositiveInfinity);
                distances.AddRange(sizes.data<float>().Select(d => (double)d));

                Tensor PerRow(Tensor values) => values.reshape([-1, .. Enumerable.Repeat(1L, (int)clean.dim() - 1)]);
            }
        );
        return [.. distances];
    }

    /// <summary>
    /// Carlini and Wagner's attack in L2 (2017) as foolbox has it: Adam at 0.01 through a hyperbolic tangent, and a
    /// binary search for the weight of the margin from 0.001 on; five searches of 200 steps.
    /// </summary>
    /// <returns>Distance of each row; 0 where it is wrong already, infinite where it still stands.</returns>
    public double[] CarliniWagner()
    {
        const int searches = 5,
            steps = 200;
        const double rate = 0.01,
            first = 1e-3,
            inside = 0.999999; // of the way to the bounds, where the tangent is finite
        var distances = new List<double>();
        Each(
            (clean, labels, _) =>
            {
                var start = ((clean * 2 - 1) * inside).atanh();
                var near = (start.tanh() + 1) / 2;
                var rows = labels.shape[0];
                var (low, high, weight) = (zeros(rows), full(rows, double.PositiveInfinity), full(rows, first));
                var best = where(Logits(clean).argmax(1).ne(labels), zeros(rows), full(rows, double.PositiveInfinity));
                for (var search = 0; search < searches; search++)
                {
                    using var turn = NewDisposeScope();
                    var change = zeros_like(clean).requires_grad_();
                    using var adam = optim.Adam([new Parameter(change)], rate);
                    change = adam.parameters().Single();
                    var isFound = zeros(rows, dtype: ScalarType.Bool);
                    for (var step = 0; step < steps; step++)
                    {
                        using var inner = NewDisposeScope();
                        var x = ((start + change).tanh() + 1) / 2;
                        var logits = Logits(x);
                        var size = (x - near).square().flatten(1).sum(1);
                        adam.zero_grad();
                        (Margins(logits, labels).neg().clamp_min(0) * weight + size).sum().backward();
                        adam.step();
                        var errs = logits.argmax(1).ne(labels);
                        var distance = (x - clean).flatten(1).norm(1).detach();
                        best = where(errs.logical_and(distance.lt(best)), distance, best).MoveToOuterDisposeScope();
                        isFound = isFound.logical_or(errs).MoveToOuterDisposeScope();
                    }

                    high = where(isFound, weight, high).MoveToOuterDisposeScope();
                    low = where(isFound, low, weight).MoveToOuterDisposeScope();
                    weight = where(high.isinf(), weight * 10, (low + high) / 2).MoveToOuterDisposeScope();
                    best.MoveToOuterDisposeScope();
                }

                distances.AddRange(best.data<float>().Select(d => (double)d));
            }
        );
        return [.. distances];
    }

    /// <summary>
    /// AutoAttack's standard schedule with all rows as one batch and one class after the other. APGD on the
    /// cross-entropy takes every step of every row, as its own code has it; in the other parts rows that break leave at
    /// once, which its code does at the end of a class only, so that this is faster than the original.
    /// </summary>
    public bool[] AutoAttack(Classifier model, AttackSettings settings, int seed)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator((ulong)seed);
        var budget = Budget.FromSettings(settings, model.Input);
        AttackContext context = new(model, budget, settings, random);
        bool[] standing = [.. Logits(Clean).argmax(1).eq(Labels).data<bool>()];
        Part((clean, labels) => Apgd.CrossEntropy.Perturb(context with { StopAtSuccess = false }, clean, labels));
        Part((clean, labels) => EachClass(clean, labels, Apgd.Targeted.Ascend));
        Part((clean, labels) => EachClass(clean, labels, Fab.Search));
        Part((clean, labels) => Square.Instance.Perturb(context, clean, labels));
        return standing;

        void Part(Func<Tensor, Tensor, Tensor> attack)
        {
            long[] rows = [.. standing.Index().Where(s => s.Item).Select(s => (long)s.Index)];
            if (rows.Length == 0)
                return;
            using var inner = NewDisposeScope();
            var index = tensor(rows);
            var (clean, labels) = (Clean.index_select(0, index), Labels.index_select(0, index));
            var found = budget.Project(clean, attack(clean, labels).detach());
            foreach (var (row, stands) in rows.Zip(Logits(found).argmax(1).eq(labels).data<bool>()))
                standing[row] = stands;
        }

        Tensor EachClass(
            Tensor clean,
            Tensor labels,
            Func<AttackContext, ActiveBatch, ActiveBatch.Kept, int, ActiveBatch.Kept> attack
        )
        {
            using var rows = new ActiveBatch(clean, labels);
            using var order = rows.Keep(TargetTurns.WrongClasses(context, rows));
            for (var target = 0; target < TargetTurns.Most && rows.Count > 0; target++)
            {
                using var targets = rows.Keep(order.Value.select(1, target));
                attack(context, rows, targets, Apgd.DefaultSteps).Dispose();
            }

            return rows.Result.clone();
        }
    }

    private void Each(Action<Tensor, Tensor, long> attack)
    {
        for (long at = 0; at < Labels.shape[0]; at += Batch)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(Batch, Labels.shape[0] - at);
            attack(Clean.narrow(0, at, count), Labels.narrow(0, at, count), at);
        }
    }
}
