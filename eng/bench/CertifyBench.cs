using System.Diagnostics;
using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Certification;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Tests;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// Certified accuracy of the fixtures on their first test rows, beside the robust accuracy under PGD with 100 steps,
/// and seconds a row; and what a training pass through interval bounds takes. Options: models (<c>cnn lenet5 adult
/// bank compas german</c>), <c>--rows N</c> (50), <c>--norm l2</c>.
/// </summary>
internal static class CertifyBench
{
    private static readonly string[] Models = ["cnn", "lenet5", "adult", "bank", "compas", "german"];

    public static int Run(string[] args)
    {
        var rows = Options.Count(args, "--rows") ?? 50;
        var norm = Options.Text(args, "--norm") == "l2" ? Norm.L2 : Norm.Linf;
        Console.WriteLine(
            $"{"model", -8} {"norm", -5} {"epsilon", 8} {"clean", 6} {"IBP", 6} {"CROWN", 6} {"PGD", 6}  "
                + $"{"s/row IBP", 9} {"s/row CROWN", 11}"
        );
        foreach (var name in args.Where(Models.Contains).DefaultIfEmpty("cnn"))
        {
            foreach (var epsilon in Epsilons(name, norm))
                Measure(name, rows, norm, epsilon);
            Train(name, norm);
        }

        return 0;
    }

    private static double[] Epsilons(string name, Norm norm) =>
        (name is "cnn" or "lenet5", norm) switch
        {
            (true, Norm.Linf) => [0.5 / 255, 1 / 255.0, 2 / 255.0, 4 / 255.0],
            (true, _) => [0.02, 0.05, 0.1],
            (false, Norm.Linf) => [0.002, 0.005, 0.01, 0.02],
            _ => [0.01, 0.02, 0.05],
        };

    private static void Measure(string name, int rows, Norm norm, double epsilon)
    {
        using var scope = NewDisposeScope();
        var (model, inputs, labels) = Load(name, rows);
        using var _ = model;
        using var graph = BoundGraph.TryBuild(model, inputs.shape[1..], out var reason)
            ?? throw new InvalidOperationException(reason);
        var (ibp, fast) = Timed(() =>
            Certifier.Run(graph, model, inputs, labels, new(norm, epsilon, BoundMethod.Ibp), 1)
        );
        var (crown, slow) = Timed(() =>
            Certifier.Run(graph, model, inputs, labels, new(norm, epsilon, BoundMethod.Crown), 1)
        );
        using var attacked = AttackHarness.Run(
            model,
            inputs,
            labels,
            new(new(Catalog.Default.Get<IAttack>("pgd"), norm, epsilon) { Steps = 100 }, 1)
        );
        static double Share(IEnumerable<bool> which) => which.Average(w => w ? 1.0 : 0);
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{name, -8} {norm, -5} {epsilon, 8:0.#####} {Share(crown.Correct), 6:0.00} "
                    + $"{Share(ibp.Certified), 6:0.00} {Share(crown.Certified), 6:0.00} "
                    + $"{attacked.RobustAccuracy, 6:0.00}  {fast / rows, 9:0.000} {slow / rows, 11:0.000}"
            )
        );
    }

    // A pass that weights are trained by, through interval bounds and as it is.
    private static void Train(string name, Norm norm)
    {
        const int rows = 128;
        using var scope = NewDisposeScope();
        var (model, inputs, labels) = Load(name, rows);
        using var _ = model;
        foreach (var weight in model.Parameters.Values)
            weight.requires_grad_();
        var seconds = ModelBench.Medians(Bounded, Plain);
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{name, -8} training, {rows} rows: {seconds[0] * 1000:F0} ms a pass by intervals, "
                    + $"{seconds[1] * 1000:F0} ms plain"
            )
        );

        void Plain()
        {
            using var pass = NewDisposeScope();
            nn.functional.cross_entropy(model.Logits(inputs), labels).backward();
        }

        void Bounded()
        {
            using var pass = NewDisposeScope();
            using var graph = BoundGraph.TryBuild(model, inputs.shape[1..], out var _, trains: true)!;
            var budget = new Budget(norm, 0.01, model.Input.Lower, model.Input.Upper);
            using var bounds = new Bounds(graph, inputs, budget, refine: false, trains: true);
            bounds.Margins(labels, backward: false).neg().logsumexp(1).mean().backward();
        }
    }

    private static (Certificates Found, double Seconds) Timed(Func<Certificates> run)
    {
        var clock = Stopwatch.StartNew();
        return (run(), clock.Elapsed.TotalSeconds);
    }

    private static (OnnxClassifier Model, Tensor Inputs, Tensor Labels) Load(string name, int rows)
    {
        if (name is "cnn" or "lenet5")
        {
            var data = FashionMnist.Test().Rows(0, rows);
            return (OnnxClassifier.Load(FixtureFolder.Path($"fmnist/{name}.onnx")), data.Inputs, data.Labels);
        }

        var arrays = NpzFile.Read(FixtureFolder.Path($"fairness/{name}.npz"));
        var x = FairnessArrays.Scaled(arrays, arrays["x_test"].narrow(0, 0, rows));
        return (
            OnnxClassifier.Load(FixtureFolder.Path($"fairness/{name}_mlp.onnx")),
            x,
            arrays["y_test"].narrow(0, 0, rows).to(int64)
        );
    }
}
