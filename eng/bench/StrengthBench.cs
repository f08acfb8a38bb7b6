using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// Attacks beside plain loops on the same rows from the same starts: PGD on the cross-entropy, the same with a run on
/// the margin after it, and AutoAttack fast beside standard. Rows that only one of the two breaks are counted.
/// <c>strength [--model FILE] [--epsilon 0.1] [--steps 40] [--from 2000] [--rows 500] [--finish 10] [--auto]</c>.
/// </summary>
internal static class StrengthBench
{
    public static int Run(string[] args)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        NativeMemory.Tune();
        using var model = OnnxClassifier.Load(Options.Text(args, "--model") ?? FixtureFolder.Path("fmnist/cnn.onnx"));
        using var test = FashionMnist.Test();
        using var rows = test.Rows(Options.Count(args, "--from") ?? 2000, Options.Count(args, "--rows") ?? 500);
        var (epsilon, steps) = (Options.Number(args, "--epsilon") ?? 0.1, Options.Count(args, "--steps") ?? 40);
        var size = 2.5 * epsilon / steps;
        Loop loop = new(model, rows.Inputs, rows.Labels, epsilon);

        var plain = loop.Descend(rows.Inputs, steps, _ => size, (z, y) => nn.functional.cross_entropy(z, y));
        var finish = Options.Count(args, "--finish") ?? 10;
        var margin = plain.Then(loop.Descend(plain.Last, finish, s => size * (1 - s / (double)finish), Loop.Margin));
        Console.WriteLine(
            $"plain PGD-{steps}: {plain.Robust:F4}; with {finish} steps on the margin after it: {margin.Robust:F4}"
        );
        var pgd = new AttackSettings(Catalog.Default.Get<IAttack>("pgd"), Norm.Linf, epsilon)
        {
            RandomStart = false,
            Steps = steps,
        };
        Compare("pgd", pgd);
        if (args.Contains("--auto"))
        {
            Compare("autoattack_fast", new(AutoAttack.Fast, Norm.Linf, epsilon));
            Compare("autoattack", new(AutoAttack.Standard, Norm.Linf, epsilon));
        }

        return 0;

        void Compare(string name, AttackSettings settings)
        {
            using var outcome = AttackHarness.Run(model, rows.Inputs, rows.Labels, new(settings, 1));
            Console.WriteLine($"{name}: {outcome.RobustAccuracy:F4}; rows broken by one alone:");
            Console.WriteLine(
                $"  it {Only(outcome.Robust, plain.Standing)}, plain {Only(plain.Standing, outcome.Robust)}"
            );
            Console.WriteLine(
                $"  it {Only(outcome.Robust, margin.Standing)}, with margin {Only(margin.Standing, outcome.Robust)}"
            );
        }

        static int Only(IReadOnlyList<bool> broken, IReadOnlyList<bool> standing) =>
            broken.Zip(standing).Count(r => !r.First && r.Second);
    }

    /// <summary>Signed gradient steps on all rows, all of them, as a tutorial has them.</summary>
    private sealed record Loop(Classifier Model, Tensor Clean, Tensor Labels, double Epsilon)
    {
        private const int Batch = 100;

        public sealed record Result(Tensor Last, bool[] Standing)
        {
            public double Robust => Standing.Count(s => s) / (double)Standing.Length;

            public Result Then(Result next) =>
                next with
                {
                    Standing = [.. Standing.Zip(next.Standing, (a, b) => a && b)],
                };
        }

        public static Tensor Margin(Tensor logits, Tensor labels)
        {
            var isTrue = nn.functional.one_hot(labels, logits.shape[1]).to(ScalarType.Bool);
            return (
                logits.masked_fill(isTrue, double.NegativeInfinity).amax([1])
                - logits.gather(1, labels.unsqueeze(1)).squeeze(1)
            ).sum();
        }

        public Result Descend(Tensor start, int steps, Func<int, double> size, Func<Tensor, Tensor, Tensor> loss)
        {
            var parts = new List<Tensor>();
            var standing = new List<bool>();
            for (long at = 0; at < Labels.shape[0]; at += Batch)
            {
                var count = Math.Min(Batch, Labels.shape[0] - at);
                using var scope = NewDisposeScope();
                var (clean, labels) = (Clean.narrow(0, at, count), Labels.narrow(0, at, count));
                var x = start.narrow(0, at, count);
                var stands = Model.Logits(clean).argmax(1).eq(labels);
                for (var step = 0; step < steps; step++)
                {
                    using var inner = NewDisposeScope();
                    var input = x.detach().requires_grad_();
                    var logits = Model.Logits(input);
                    stands = stands.logical_and(logits.argmax(1).eq(labels)).MoveToOuterDisposeScope();
                    var slope = autograd.grad([loss(logits, labels)], [input])[0].sign();
                    x = (x + slope * size(step)).clamp(clean - Epsilon, clean + Epsilon).clamp(0, 1);
                    x = x.detach().MoveToOuterDisposeScope();
                }

                stands = stands.logical_and(Model.Logits(x).argmax(1).eq(labels));
                standing.AddRange(stands.data<bool>());
                parts.Add(x.MoveToOuterDisposeScope());
            }

            return new(cat(parts, 0), [.. standing]);
        }
    }
}
