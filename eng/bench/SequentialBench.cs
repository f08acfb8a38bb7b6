using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Tests;
using PostTrainGate.Torch;

namespace PostTrainGate.Bench;

/// <summary>
/// How many inputs a verdict takes. Every gate of a grid over the fixtures' models, budgets and thresholds is decided
/// early and by all rows; then simulated gates, and what it saves to try something cheap before an attack. Processor
/// time. Options: <c>--rows N</c>
/// (1000), <c>--attack NAME</c> (pgd), <c>--only gates|simulated|first</c>.
/// </summary>
internal static class SequentialBench
{
    private const double Confidence = 0.95;

    private static readonly string[] Models = ["cnn", "lenet5"];
    private static readonly (string Text, double Value)[] Epsilons =
    [
        ("1/255", 1 / 255.0),
        ("2/255", 2 / 255.0),
        ("4/255", 4 / 255.0),
        ("8/255", 8 / 255.0),
        ("0.1", 0.1),
    ];
    private static readonly double[] Thresholds = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

    public static int Run(string[] args)
    {
        NativeMemory.Tune();
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var (rows, attack) = (Options.Count(args, "--rows") ?? 1000, Options.Text(args, "--attack") ?? "pgd");
        TorchSharp.torch.set_num_threads(1); // threads that wait for each other would count as work
        var only = Options.Text(args, "--only") ?? "";
        using var test = FashionMnist.Test();
        using var data = test.Rows(0, rows);
        if (only is "" or "gates")
        {
            List<EarlyGate> gates = [];
            foreach (var model in Models)
            foreach (var epsilon in Epsilons)
                gates.AddRange(
                    Gates(
                        model,
                        new(Catalog.Default.Get<IAttack>(attack), Norm.Linf, epsilon.Value),
                        epsilon.Text,
                        data
                    )
                );
            Sum("all", gates);
            Sum("thresholds within 0.2 of the value", [.. gates.Where(g => g.Distance <= 0.2)]);
        }

        if (only is "" or "simulated")
            Simulate();
        if (only is "" or "first")
            First(data);
        return 0;
    }

    private sealed record EarlyGate(int Inputs, int Of, double Distance, bool Equal);

    private static void Sum(string which, List<EarlyGate> gates)
    {
        var median = gates.Select(g => g.Of / (double)g.Inputs).Order().ElementAt(gates.Count / 2);
        var (inputs, of) = (gates.Sum(g => g.Inputs), gates.Sum(g => g.Of));
        Console.WriteLine(
            $"{gates.Count} gates ({which}): median saving {median:0.0}x, "
                + $"in all {inputs} of {of} inputs ({of / (double)inputs:0.0}x), "
                + $"verdicts that differ {gates.Count(g => !g.Equal)}"
        );
    }

    // Early and full runs share what is kept: the same chunks are attacked with the same random numbers.
    private static IEnumerable<EarlyGate> Gates(
        string name,
        AttackSettings settings,
        string epsilon,
        EvaluationSet data
    )
    {
        using var model = OnnxClassifier.Load(FixtureFolder.Path($"fmnist/{name}.onnx"));
        using var evaluation = new Evaluation(model, data);
        var folder = Directory.CreateTempSubdirectory("posttraingate-");
        try
        {
            var plan = new AttackPlan
            {
                Cache = new(Path.Combine(folder.FullName, "cache"), Path.Combine(folder.FullName, "key")),
            };
            var (full, seconds) = Timed(
                new()
                {
                    Metric = Catalog.Default.Get<IMetric>("robust_accuracy"),
                    Attack = settings,
                    Min = 0.5,
                },
                plan with
                {
                    Full = true,
                }
            );
            foreach (var min in Thresholds)
            {
                var rule = new GateRule
                {
                    Metric = Catalog.Default.Get<IMetric>("robust_accuracy"),
                    Attack = settings,
                    Min = min,
                };
                var early = Timed(rule, plan).Measured;
                var (verdict, whole) = (Judge.Decide(rule, early), Judge.Decide(rule, full));
                var (inputs, of) = (early.Attacked!.Inputs, early.Attacked.Of);
                Console.WriteLine(
                    $"{name, -7} {settings.Name} {epsilon, -6} min {min:0.0}: "
                        + $"{inputs, 5} of {of} inputs ({of / (double)inputs, 5:0.0}x), "
                        + Outcomes.Words(verdict)
                        + (verdict == whole ? "" : $", all rows: {Outcomes.Words(whole)}")
                );
                yield return new(inputs, of, Math.Abs(full.Value - min), verdict == whole);
            }

            // Without anything kept: what the threshold that most policies would take costs in time.
            var alone = Timed(
                new()
                {
                    Metric = Catalog.Default.Get<IMetric>("robust_accuracy"),
                    Attack = settings,
                    Min = 0.6,
                },
                new()
            );
            Console.WriteLine(
                $"{name, -7} {settings.Name} {epsilon, -6} robust accuracy {full.Value:0.000}; "
                    + $"min 0.6 in {alone.Seconds:0.00} s, all rows in {seconds:0.00} s"
            );
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        (Measurement Measured, double Seconds) Timed(GateRule rule, AttackPlan plan)
        {
            var measured = Measurement.NotMeasured("");
            var context = new MetricContext(evaluation, rule, Confidence, 1) { RowSeed = 2, Plan = plan };
            var seconds = ProcessorTime.Of(() => measured = new RobustAccuracy().Measure(context));
            return (measured, seconds);
        }
    }

    // Before the attack itself: one step of it.
    private static void First(EvaluationSet data)
    {
        using var model = OnnxClassifier.Load(FixtureFolder.Path("fmnist/cnn.onnx"));
        foreach (var name in new[] { "pgd", "apgd_ce", "autoattack_fast" })
        {
            AttackSettings settings = new(Catalog.Default.Get<IAttack>(name), Norm.Linf, 8 / 255.0);
            AtOnce(model, data, settings); // warms up
            var (alone, fgsm) = (
                ProcessorTime.Of(() => AtOnce(model, data, settings)),
                ProcessorTime.Of(() => AfterFgsm(model, data, settings))
            );
            Console.WriteLine(
                $"cnn {name} 8/255, {data.Count} rows: {alone:0.00} s, after FGSM {fgsm:0.00} s; "
                    + $"in chunks {Attack(model, data, settings):0.00} s"
            );
        }
    }

    private static double Attack(Classifier model, EvaluationSet data, AttackSettings settings)
    {
        using var evaluation = new Evaluation(model, data);
        var context = new MetricContext(
            evaluation,
            new() { Metric = Catalog.Default.Get<IMetric>("robust_accuracy"), Attack = settings },
            Confidence,
            1
        );
        return ProcessorTime.Of(() => new RobustAccuracy().Measure(context with { Plan = new() { Full = true } }));
    }

    private static void AtOnce(OnnxClassifier model, EvaluationSet data, AttackSettings settings) =>
        AttackHarness.Run(model, data.Inputs, data.Labels, new(settings, 1)).Dispose();

    private static void AfterFgsm(OnnxClassifier model, EvaluationSet data, AttackSettings settings)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var first = AttackHarness.Run(
            model,
            data.Inputs,
            data.Labels,
            new(settings with { Attack = GradientAttack.Fgsm }, 1)
        );
        int[] left = [.. Enumerable.Range(0, data.Count).Where(row => first.Robust[row])];
        using var rows = data.Take(left);
        AtOnce(model, rows, settings);
    }

    private static void Simulate()
    {
        var rule = new GateRule { Metric = Catalog.Default.Get<IMetric>("robust_accuracy"), Min = 0.6 };
        foreach (var rate in new[] { 0.05, 0.3, 0.5, 0.55, 0.57, 0.6, 0.63, 0.65, 0.7, 0.9 })
        {
            var (wrong, drawn) = SimulatedGates.Run(1000, 1000, rate, rule, Confidence);
            Console.WriteLine(
                $"1000 simulated gates, true rate {rate:0.00}, min 0.6: {wrong / 10.0:0.0} % differ from all 1000 "
                    + "rows, "
                    + $"median {drawn} rows"
            );
        }
    }
}
