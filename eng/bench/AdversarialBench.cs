using System.Diagnostics;
using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;

namespace PostTrainGate.Bench;

/// <summary>
/// The first candidate of <c>adversarial</c> on the Fashion-MNIST cnn, chosen on held-out training images and measured
/// on the test images with a fresh PGD: Linf 0.1 (40 steps of 0.01) and 8/255 (20 steps of 2/255). <c>adversarial
/// [0.1|8/255] [--model FILE] [--budget MINUTES]</c>; further options change the recipe: <c>--steps N --lr X
/// --target-weight X --clean-share X --pgd K</c>.
/// </summary>
internal static class AdversarialBench
{
    public static int Run(string[] args)
    {
        foreach (
            var (name, epsilon, steps, size) in new[] { ("0.1", 0.1, 40, 0.01), ("8/255", 8 / 255.0, 20, 2 / 255.0) }
        )
        {
            var only = args.FirstOrDefault(a => a is "0.1" or "8/255");
            if (only is null || only == name)
                One(args, epsilon, steps, size);
        }

        return 0;
    }

    private static void One(string[] args, double epsilon, int steps, double size)
    {
        using var source = OnnxClassifier.Load(Options.Text(args, "--model") ?? FixtureFolder.Path("fmnist/cnn.onnx"));
        using var train = FashionMnist.Train();
        using var repair = train.Rows(0, 55_000);
        using var select = train.Rows(55_000, 2_000);
        using var test = FashionMnist.Test();
        var attack = new AttackSettings(Catalog.Default.Get<IAttack>("pgd"), Norm.Linf, epsilon)
        {
            Steps = steps,
            StepSize = size,
            RandomStart = true,
        };
        var gate = new GateRule
        {
            Metric = Catalog.Default.Get<IMetric>("robust_accuracy"),
            Attack = attack,
            Min = 0.6,
            Samples = 500,
        };
        var policy = Policy(gate) with { Repair = new() { MaxAccuracyDrop = 0.08 } };
        var seconds = 60 * (Options.Number(args, "--budget") ?? 10);

        var clock = Stopwatch.StartNew();
        using var selection = new Selection(source, select, policy, [gate], test.Count, default);
        var context = new RepairContext(
            source,
            repair,
            selection,
            policy.Seed,
            seconds,
            [gate],
            [gate],
            [],
            DateTime.MaxValue,
            new Line()
        );
        var changed = args.Any(a => a is "--steps" or "--lr" or "--target-weight" or "--clean-share" or "--pgd");
        var plan = changed
            ? RecipePlan.Fixed(Changed(args, source, epsilon), context)
            : new AdversarialRepair().Plan(context).First();
        var candidate = plan.Run(context, 1);
        using var model = candidate.Model;
        var took = clock.Elapsed.TotalSeconds;
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"\nLinf {epsilon:F4}: {candidate.Method}, {took:F0} s")
        );
        using var reported = test.Rows(0, test.Count - RobustBench.SelectRows);
        RobustBench.Report(
            "as robust reports it",
            model,
            reported,
            RobustBench.Gate(["--attack", "pgd"], epsilon),
            1000
        );
        foreach (var (key, value) in candidate.Details)
            Console.WriteLine($"  {key}: {value}");
        foreach (var (who, m) in new[] { ("source", source), ("repaired", model) })
        {
            using var clean = AttackHarness.Run(
                m,
                test.Inputs,
                test.Labels,
                new(attack with { Epsilon = 0, Steps = 1 }, 11)
            );
            using var thousand = test.Rows(0, 1000);
            using var robust = AttackHarness.Run(m, thousand.Inputs, thousand.Labels, new(attack, 11));
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"  {who, -9} clean {clean.Correct.Count(c => c) / 10_000.0:F4} (10,000)   robust "
                        + $"{robust.Robust.Count(c => c) / 1000.0:F3} (1,000, fresh PGD-{steps}, random start)"
                )
            );
        }
    }

    private static TransformRecipe Changed(string[] args, OnnxClassifier source, double epsilon)
    {
        var a = new Adversarial { Budgets = [new(Norm.Linf, epsilon, 0, 1)] };
        a = a with
        {
            AttackSteps = (int)(Options.Number(args, "--pgd") ?? a.AttackSteps),
            Reach = Options.Number(args, "--pgd") > 1 ? 2 : a.Reach,
            TargetWeight = Options.Number(args, "--target-weight") ?? a.TargetWeight,
            CleanShare = Options.Number(args, "--clean-share") ?? a.CleanShare,
            Schedule = a.Schedule with
            {
                Steps = (int)(Options.Number(args, "--steps") ?? 3000),
                LearningRate = Options.Number(args, "--lr") ?? a.Schedule.LearningRate,
            },
        };
        return a.Recipe(source);
    }

    internal static GatePolicy Policy(GateRule gate) =>
        new()
        {
            File = "bench.yml",
            Folder = ".",
            Model = new("", "", default),
            Data = new() { Source = new("", "", default) },
            Gates = [gate],
        };

    private sealed class Line : IProgress<RunProgress>
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();

        public void Report(RunProgress value)
        {
            if (value.Done is { } done)
                Console.Write(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"\r{_clock.Elapsed.TotalSeconds:F0} s {100 * done:F0} % {value.Detail}   "
                    )
                );
        }
    }
}
