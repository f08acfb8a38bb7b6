using System.Diagnostics;
using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;

namespace PostTrainGate.Bench;

/// <summary>
/// The whole tournament on a Fashion-MNIST model: it learns from the 60,000 training images, chooses by 2,000 test
/// images and is reported on the others. <c>robust [--model FILE] [--epsilon 0.1] [--drop 0.045] [--min 0.66]
/// [--metric robust_accuracy] [--seconds 720] [--methods adversarial,policy] [--attacked 1000]</c>.
/// </summary>
internal static class RobustBench
{
    /// <summary>The last test images, which choose.</summary>
    public const int SelectRows = 2000;

    public static int Run(string[] args)
    {
        using var source = OnnxClassifier.Load(Options.Text(args, "--model") ?? FixtureFolder.Path("fmnist/cnn.onnx"));
        using var train = FashionMnist.Train();
        using var whole = FashionMnist.Test();
        using var select = whole.Rows(whole.Count - SelectRows, SelectRows);
        using var test = whole.Rows(0, whole.Count - SelectRows);
        var epsilon = Options.Number(args, "--epsilon") ?? 0.1;
        var gate = Gate(args, epsilon);
        var policy = AdversarialBench.Policy(gate) with
        {
            Repair = new() { MaxAccuracyDrop = Options.Number(args, "--drop") ?? 0.045 },
        };
        var methods = Options.Text(args, "--methods")?.Split(',');
        var clock = Stopwatch.StartNew();
        using var selection = new Selection(source, select, policy, policy.Gates, test.Count, default);
        var context = new RepairContext(
            source,
            train,
            selection,
            policy.Seed,
            Options.Number(args, "--seconds") ?? 720,
            policy.Gates,
            policy.Gates,
            [],
            DateTime.MaxValue,
            new Line()
        )
        {
            Thorough = true,
        };
        using var tournament = new Tournament(selection);
        tournament.Run(
            [
                .. Catalog
                    .Default.Repairs.Where(r => methods?.Contains(r.Name) ?? r.ByDefault)
                    .Where(r => r.WhyNot(context) is null)
                    .SelectMany(r => r.Plan(context)),
            ],
            context
        );
        var chosen = tournament.Choose();
        Say($"\n{clock.Elapsed.TotalSeconds:F0} s, {tournament.Tried.Count} candidates");
        foreach (var c in tournament.Tried)
        {
            var harm = c.Blocked ? ", harm beyond chance" : "";
            Say(
                $"  {(c.Chosen ? "*" : " ")} {c.Title}: gap {c.Gap:F3}, accuracy {c.Accuracy:F4}, churn {c.Churn:F3}{harm}"
            );
        }

        var attacked = Options.Count(args, "--attacked") ?? 1000;
        Report("source", source, test, gate, attacked);
        if (chosen is not null)
        {
            using var model = chosen.Model;
            Report(chosen.Method, model, test, gate, attacked);
            if (Options.Text(args, "--save") is { } path)
                model.Save(path);
        }

        return 0;
    }

    /// <summary>The gate that the options name.</summary>
    public static GateRule Gate(string[] args, double epsilon)
    {
        var metric = Catalog.Default.Get<IMetric>(Options.Text(args, "--metric") ?? "robust_accuracy");
        var rule = new GateRule
        {
            Metric = metric,
            Min = Options.Number(args, "--min") ?? 0.66,
            Samples = 500,
        };
        if (metric.RestsOnAttack)
            return rule with
            {
                Attack = new(
                    Catalog.Default.Get<IAttack>(Options.Text(args, "--attack") ?? "autoattack"),
                    Norm.Linf,
                    epsilon
                ),
            };
        return metric.Keys.Contains(AttackKeys.Epsilon)
            ? rule.With(AttackKeys.Norm, Norm.Linf).With(AttackKeys.Epsilon, epsilon)
            : rule;
    }

    /// <summary>Writes a model's clean accuracy, and what the gate measures on some of the rows.</summary>
    public static void Report(string who, OnnxClassifier model, Data.EvaluationSet test, GateRule gate, int attacked)
    {
        using var evaluation = new Evaluation(model, test);
        var clean = evaluation.Right / (double)test.Count;
        var m = gate.Metric.Measure(new(evaluation, gate with { Samples = attacked }, 0.95, 11));
        Say($"{who}: clean {clean:F4} ({test.Count})");
        Say($"  {gate.Metric.Name} {m.Value:F4} [{m.Lower:F4}, {m.Upper:F4}] ({m.Count})");
    }

    private static void Say(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private sealed class Line : IProgress<RunProgress>
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private string _stage = "";

        public void Report(RunProgress value)
        {
            if (value.Stage == _stage)
                return;
            _stage = value.Stage;
            Say($"{_clock.Elapsed.TotalSeconds:F0} s {value.Stage}");
        }
    }
}
