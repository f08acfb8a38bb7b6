using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Gating;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// Dare on the Fashion-MNIST cnn with its ten snapshots: the published preset, the longer one and their variants. Side
/// by side: clean accuracy, static empirical robustness (the paper's measure: accuracy on the source's minimal and
/// full-budget adversarial examples), robust accuracy when attacked afresh, and the same for weight noise of each
/// repair's size. <c>dare [--rows 1000] [--draws 10]</c>.
/// </summary>
internal static class DareBench
{
    private static readonly AttackSettings Small = new(Catalog.Default.Get<IAttack>("pgd"), Norm.Linf, 8 / 255.0)
    {
        Steps = 20,
        StepSize = 2 / 255.0,
    };
    private static readonly AttackSettings Large = new(Catalog.Default.Get<IAttack>("pgd"), Norm.Linf, 0.1)
    {
        Steps = 40,
        StepSize = 0.01,
    };
    private static readonly AttackSettings Sign = new(Catalog.Default.Get<IAttack>("fgsm"), Norm.Linf, 8 / 255.0);
    private static readonly string[] Columns =
    [
        "clean",
        "static min-FGSM",
        "static min-PGD",
        "static PGD .1",
        "afresh FGSM 8/255",
        "afresh PGD 8/255",
        "afresh PGD .1",
    ];

    public static int Run(string[] args)
    {
        var count = Options.Count(args, "--rows") ?? 1000;
        using var source = OnnxClassifier.Load(FixtureFolder.Path("fmnist/cnn.onnx"));
        ImmutableArray<OnnxClassifier> snapshots =
        [
            .. Directory
                .GetFiles(FixtureFolder.Path("fmnist/cnn_checkpoints"), "*.onnx")
                .Order(StringComparer.Ordinal)
                .Select(f => OnnxClassifier.Load(f)),
        ];
        using var train = FashionMnist.Train();
        using var test = FashionMnist.Test();
        using var rows = test.Rows(0, count);
        using var scope = NewDisposeScope();
        var sets = new[] { Minimal(source, rows, "fgsm"), Minimal(source, rows, "pgd"), Static(source, rows, Large) };
        Console.WriteLine($"static sets: {string.Join(", ", sets.Select(s => s.Labels.shape[0]))} of {count} rows");
        Console.WriteLine($"{"", -34}{string.Join("", Columns.Select(c => $"{c, 18}"))}");
        Print("source", Measure(source, test, rows, sets));

        var dare = new Dare { Snapshots = snapshots };
        (string Name, Dare Preset)[] presets =
        [
            ("published", dare.AsPublished()),
            ("longer", dare),
            ("longer, rate 1e-3", dare with { Schedule = dare.Schedule with { LearningRate = 1e-3 } }),
            ("longer -s", dare with { Variant = DareVariant.NoSlice }),
            ("longer -sl", dare with { Variant = DareVariant.NoSliceNoTransform }),
            ("longer last", dare with { Variant = DareVariant.Last }),
        ];
        foreach (var (name, preset) in presets)
        {
            var clock = Stopwatch.StartNew();
            var kept = preset with { Schedule = preset.Schedule with { Checkpoints = 0 } };
            var candidate = ModelTransform.Run(kept.Recipe(source), new(source, train, 1));
            using var model = candidate.Model;
            var seconds = clock.Elapsed.TotalSeconds;
            Print(name, Measure(model, test, rows, sets));
            var draws = NullControl
                .Draw(source, model, seed: 1, draws: Options.Count(args, "--draws") ?? NullControl.DefaultDraws)
                .Select(noise =>
                {
                    using (noise)
                        return Measure(noise, test, rows, sets);
                })
                .ToArray();
            Print("  noise of that size, mean", [.. Columns.Select((_, i) => draws.Average(d => d[i]))]);
            Print("  noise of that size, largest", [.. Columns.Select((_, i) => draws.Max(d => d[i]))]);
            Console.WriteLine(
                $"  {seconds:F0} s; {candidate.Details["inputs"]}; {candidate.Details["slice"]}; changed "
                    + $"{candidate.Details["weights_changed"]}"
            );
        }

        foreach (var snapshot in snapshots)
            snapshot.Dispose();
        return 0;
    }

    private static double[] Measure(
        OnnxClassifier model,
        EvaluationSet test,
        EvaluationSet rows,
        (Tensor Inputs, Tensor Labels)[] sets
    ) =>
        [
            Accuracy(model, test.Inputs, test.Labels),
            .. sets.Select(s => Accuracy(model, s.Inputs, s.Labels)),
            .. new[] { Sign, Small, Large }.Select(a => Robust(model, rows, a)),
        ];

    private static double Accuracy(OnnxClassifier model, Tensor inputs, Tensor labels)
    {
        using var scope = NewDisposeScope();
        return 1
            - AttackHarness
                .Errs(model.LogitsOfAll(inputs, 500), labels)
                .to_type(ScalarType.Float64)
                .mean()
                .item<double>();
    }

    private static double Robust(OnnxClassifier model, EvaluationSet rows, AttackSettings attack)
    {
        using var outcome = AttackHarness.Run(model, rows.Inputs, rows.Labels, new(attack, 11));
        return outcome.Robust.Count(r => r) / (double)rows.Count;
    }

    // Every row that the attack breaks, and those that were wrong before, as the paper's library returns them.
    private static (Tensor Inputs, Tensor Labels) Static(
        OnnxClassifier source,
        EvaluationSet rows,
        AttackSettings attack
    )
    {
        using var outcome = AttackHarness.Run(
            source,
            rows.Inputs,
            rows.Labels,
            new(attack, 3) { KeepExamples = true, StopAtSuccess = false }
        );
        return Pick(outcome, outcome.Examples!, rows);
    }

    // The smallest of a ladder of epsilons that breaks the row: such examples lie on the decision boundary.
    private static (Tensor Inputs, Tensor Labels) Minimal(OnnxClassifier source, EvaluationSet rows, string attack)
    {
        const int rungs = 40;
        var examples = rows.Inputs.clone();
        var open = Enumerable.Range(0, rows.Count).ToArray();
        for (var rung = 1; rung <= rungs && open.Length > 0; rung++)
        {
            using var left = rows.Take(open);
            var settings = new AttackSettings(Catalog.Default.Get<IAttack>(attack), Norm.Linf, 0.1 * rung / rungs)
            {
                Steps = attack == "pgd" ? 20 : null,
                RandomStart = false,
            };
            using var outcome = AttackHarness.Run(
                source,
                left.Inputs,
                left.Labels,
                new(settings, 3) { KeepExamples = true }
            );
            var broken = Enumerable.Range(0, open.Length).Where(i => !outcome.Robust[i]).ToArray();
            if (broken.Length == 0)
                continue;
            using var scope = NewDisposeScope();
            examples.index_copy_(
                0,
                tensor(broken.Select(i => (long)open[i]).ToArray()),
                outcome.Examples!.index_select(0, tensor(broken.Select(i => (long)i).ToArray()))
            );
            open = [.. Enumerable.Range(0, open.Length).Where(i => outcome.Robust[i]).Select(i => open[i])];
        }

        var done = tensor(Enumerable.Range(0, rows.Count).Except(open).Select(i => (long)i).ToArray());
        return (examples.index_select(0, done), rows.Labels.index_select(0, done));
    }

    private static (Tensor Inputs, Tensor Labels) Pick(AttackOutcome outcome, Tensor examples, EvaluationSet rows)
    {
        var broken = tensor(
            Enumerable.Range(0, rows.Count).Where(i => !outcome.Robust[i]).Select(i => (long)i).ToArray()
        );
        return (examples.index_select(0, broken), rows.Labels.index_select(0, broken));
    }

    private static void Print(string name, double[] values) =>
        Console.WriteLine(
            $"{name, -34}"
                + string.Concat(values.Select(v => v.ToString("F4", CultureInfo.InvariantCulture).PadLeft(18)))
        );
}
