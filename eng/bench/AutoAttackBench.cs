using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// AutoAttack's standard version beside <c>autoattack-fast</c>, on blocks of 200 test images at 8/255: robust accuracy,
/// rows that only one of them breaks, and the processor time of both in units of an input-gradient pass. Options:
/// models (<c>cnn lenet5</c>),
/// <c>--from N</c> (2000) first image, <c>--blocks N</c> (5), <c>--seed N</c> (1), <c>--threads N</c> (1).
/// </summary>
internal static class AutoAttackBench
{
    private const int Rows = 200;

    public static int Run(string[] args)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        NativeMemory.Tune();
        set_num_threads(Options.Count(args, "--threads") ?? 1);
        var (from, blocks, seed) = (
            Options.Count(args, "--from") ?? 2000,
            Options.Count(args, "--blocks") ?? 5,
            Options.Count(args, "--seed") ?? 1
        );
        using var test = FashionMnist.Test();
        foreach (var name in args.Where(a => a is "cnn" or "lenet5").DefaultIfEmpty("cnn"))
        {
            using var model = OnnxClassifier.Load(FixtureFolder.Path($"fmnist/{name}.onnx"));
            for (var block = 0; block < blocks; block++)
            {
                using var scope = NewDisposeScope();
                using var rows = test.Rows(from + block * Rows, Rows);
                var unit = AttackBench.Pass(model.Logits, rows.Inputs, rows.Labels);
                var (whole, wholeTime) = Attack(model, rows, AutoAttack.Standard.Name, seed);
                var (fast, fastTime) = Attack(model, rows, AutoAttack.Fast.Name, seed);
                int Only(bool[] standing, bool[] broken) => standing.Zip(broken).Count(r => r.First && !r.Second);
                Console.WriteLine(
                    $"{name, -7} images {from + block * Rows, 5}-  standard {Share(whole):F3} in "
                        + $"{wholeTime / unit, 6:F0} passes, "
                        + $"fast {Share(fast):F3} in {fastTime / unit, 4:F0}; broken by standard alone "
                        + $"{Only(fast, whole)}, by fast alone {Only(whole, fast)}"
                );
            }
        }

        return 0;
    }

    private static (bool[] Robust, double Seconds) Attack(
        OnnxClassifier model,
        Data.EvaluationSet rows,
        string name,
        int seed
    )
    {
        bool[] robust = [];
        var seconds = ProcessorTime.Of(() =>
        {
            using var outcome = AttackHarness.Run(
                model,
                rows.Inputs,
                rows.Labels,
                new(new AttackSettings(Catalog.Default.Get<IAttack>(name), Norm.Linf, 8 / 255.0), seed)
            );
            robust = [.. outcome.Robust];
        });
        return (robust, seconds);
    }

    private static double Share(bool[] robust) => robust.Count(r => r) / (double)robust.Length;
}
