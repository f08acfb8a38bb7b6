using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Torch;

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
        PlainAttacks usual = new(model.Logits, rows.Inputs, rows.Labels, epsilon);

        var plain = usual.Descend(rows.Inputs, steps, _ => size, PlainAttacks.CrossEntropy);
        var finish = Options.Count(args, "--finish") ?? 10;
        var margin = plain.Then(
            usual.Descend(plain.Last, finish, s => size * (1 - s / (double)finish), PlainAttacks.Margin)
        );
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
}
