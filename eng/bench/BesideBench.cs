using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Reading;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// Seconds of attacks beside the usual loops over a module by hand (<see cref="PlainAttacks"/>), in turn, in one
/// process, on all cores: PGD of 40 and of 20 steps on 1,000 images, AutoAttack's standard version, DeepFool, and Carlini
/// and Wagner's. <c>beside [cnn lenet5 digits] [--residual FILE] [--vgg FILE] [--only TEXT] [--rounds 3] [--auto
/// 200]</c>.
/// </summary>
internal static class BesideBench
{
    private const int FirstRow = 2000,
        PgdBatch = 250;

    public static int Run(string[] args)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        NativeMemory.Tune();
        var (only, rounds, auto) = (
            Options.Text(args, "--only") ?? "",
            Options.Count(args, "--rounds") ?? 3,
            Options.Count(args, "--auto") ?? 200
        );
        using var images = FashionMnist.Test();
        Func<int, EvaluationSet> first = count => images.Rows(FirstRow, count);
        var small = 8 / 255.0;
        foreach (var name in args.Where(a => a is "cnn" or "lenet5"))
        {
            using var model = OnnxClassifier.Load(FixtureFolder.Path($"fmnist/{name}.onnx"));
            All(name, model, ModelBench.ByHand(model, name));
        }

        if (Options.Text(args, "--residual") is { } residual)
        {
            using var model = OnnxClassifier.Load(residual);
            All("residual", model, ModelBench.ByHand(model, ResidualNetwork.ByHand));
        }

        if (Options.Text(args, "--vgg") is { } vgg)
        {
            using var model = OnnxClassifier.Load(vgg);
            All("vgg", model, ModelBench.ByHand(model, (w, x) => VggNetwork.Forward(w, x, training: false)));
        }

        if (args.Contains("digits"))
        {
            var (policy, _) = PolicyReader.Read("samples/digits/posttraingate.yml");
            using var data = DataReader.Read(policy!);
            using var model = OnnxClassifier.Load("samples/digits/model.onnx");
            (first, small) = (count => data.Test.Take([.. Enumerable.Range(0, Math.Min(count, data.Test.Count))]), 0.1);
            All("digits", model, ModelBench.ByHand(model, Digits));
        }

        return 0;

        void All(string name, OnnxClassifier model, Func<Tensor, Tensor> network)
        {
            using var hand = new ByHand(model, network);
            Pgd("pgd-40 0.1", 0.1, 40, 0.01);
            Pgd("pgd-20 8/255", 8 / 255.0, 20, 2 / 255.0);
            Compare($"autoattack {small:0.###}, {auto} rows", auto, small, "autoattack", null, plain =>
                Share(plain.AutoAttack(hand, Settings("autoattack", small), 1))
            );
            Compare("deepfool, 200 rows", 200, 0, "deepfool", null, plain => Median(plain.DeepFool()));
            Compare("cw, 200 rows", 200, 0, "cw", null, plain => Median(plain.CarliniWagner()));

            void Pgd(string what, double epsilon, int steps, double size) =>
                Compare($"{what}, 1000 rows", 1000, epsilon, "pgd", (steps, size), plain =>
                    plain.Descend(plain.Clean, steps, _ => size, PlainAttacks.CrossEntropy).Robust
                );

            void Compare(
                string what,
                int count,
                double epsilon,
                string attack,
                (int Steps, double Size)? steps,
                Func<PlainAttacks, double> usual
            )
            {
                if (!what.Contains(only, StringComparison.Ordinal))
                    return;
                using var rows = first(count);
                var settings = Settings(attack, epsilon) with { Steps = steps?.Steps, StepSize = steps?.Size };
                PlainAttacks plain = new(network, rows.Inputs, rows.Labels, epsilon) { Batch = PgdBatch };
                List<(double Ours, double Theirs)> seconds = [];
                var (found, usually) = (0.0, 0.0);
                for (var round = 0; round <= rounds; round++) // the first warms up
                {
                    var (ours, theirs) = (
                        Seconds(() => found = Ours(model, rows, settings)),
                        Seconds(() => usually = usual(plain))
                    );
                    if (round > 0 || rounds == 0)
                        seconds.Add((ours, theirs));
                }

                var ratios = seconds.Select(s => s.Theirs / s.Ours).Order().ToList();
                Console.WriteLine(
                    $"{name} {what}: {Middle(seconds.Select(s => s.Ours)):F2} s, the usual way "
                        + $"{Middle(seconds.Select(s => s.Theirs)):F2} s, {Middle(ratios):F2} times as fast "
                        + $"[{ratios[0]:F2}, {ratios[^1]:F2}]; found {found:F4}, the usual way {usually:F4}"
                );
            }
        }
    }

    // That of samples/digits: pixels in a row.
    private static Tensor Digits(Func<string, Tensor> w, Tensor x)
    {
        var h = nn
            .functional.conv2d(x.reshape(-1, 1, 8, 8), w("conv1.weight"), w("conv1.bias"), padding: [1, 1])
            .relu();
        h = nn.functional.linear(nn.functional.max_pool2d(h, 2).flatten(1), w("gemm1.weight"), w("gemm1.bias")).relu();
        return nn.functional.linear(h, w("gemm2.weight"), w("gemm2.bias"));
    }

    private static double Ours(OnnxClassifier model, EvaluationSet rows, AttackSettings settings)
    {
        if (settings.Attack is IMinimalAttack)
        {
            using var distances = AttackHarness.Distances(model, rows.Inputs, rows.Labels, new(settings, 1));
            return Median([.. distances.Distance]);
        }

        using var outcome = AttackHarness.Run(model, rows.Inputs, rows.Labels, new(settings, 1));
        return outcome.RobustAccuracy;
    }

    private static AttackSettings Settings(string attack, double epsilon)
    {
        var chosen = Catalog.Default.Get<IAttack>(attack);
        return chosen is IMinimalAttack
            ? new(chosen, Norm.L2, 1)
            : new(chosen, Norm.Linf, epsilon) { RandomStart = attack == "pgd" ? false : null };
    }

    private static double Seconds(Action work)
    {
        var clock = Stopwatch.StartNew();
        using (NewDisposeScope())
            work();
        return clock.Elapsed.TotalSeconds;
    }

    private static double Share(bool[] standing) => standing.Count(s => s) / (double)standing.Length;

    private static double Median(double[] distances) => Middle(distances.Where(d => d > 0));

    private static double Middle(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[(sorted.Length - 1) / 2];
    }

    /// <summary>A network by hand with what an attack has to know of its inputs.</summary>
    private sealed class ByHand(OnnxClassifier model, Func<Tensor, Tensor> network) : Classifier
    {
        public override string Name => "by hand";

        public override ImmutableArray<long> InputShape => model.InputShape;

        public override int Classes => model.Classes;

        public override OutputHead Head => OutputHead.Logits;

        public override InputPolicy Input => model.Input;

        public override bool HasGradients => true;

        public override Tensor Logits(Tensor inputs) => network(inputs);

        public override void Dispose() { }
    }
}
