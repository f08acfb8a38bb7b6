using CsCheck;
using PostTrainGate.Attacks;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>Attacks on classifiers whose robustness is known exactly.</summary>
[Collection(nameof(Alone))]
public partial class AttackTests
{
    private static readonly InputPolicy Wide = new() { Lower = -100, Upper = 100 };

    // z = (0, w x + b): the nearest input of the other class is |w x + b| / dual norm of w away, and the gradient
    // points straight at it.
    private static FunctionClassifier Linear(float[] w, float b, InputPolicy? input = null, double scale = 1) =>
        new(
            [w.Length],
            2,
            x =>
            {
                var z = x.matmul(tensor(w)).Plus(b).mul(Scalars.Get(scale));
                return stack([zeros_like(z), z], 1);
            },
            input
        );

    private static readonly Gen<(float[] W, float B, float[] X, Norm Norm, double Epsilon, int Seed)> Linears =
        from width in Gen.Int[1, 8]
        from w in Gen.Float[0.1f, 2].Array[width]
        from signs in Gen.Bool.Array[width]
        from b in Gen.Float[-1, 1]
        from x in Gen.Float[-2, 2].Array[60 * width]
        from norm in Gen.Enum<Norm>()
        from epsilon in Gen.Double[0.01, 2]
        from seed in Gen.Int[0, 1000]
        select (w.Zip(signs, (v, s) => s ? v : -v).ToArray(), b, x, norm, epsilon, seed);

    [Theory]
    [InlineData("pgd", "PGD")]
    [InlineData("mi_fgsm", "MI-FGSM")]
    [InlineData("apgd_ce", "APGD-CE")]
    [InlineData("deepfool", "DeepFool")]
    [InlineData("cw", "C&W")]
    [InlineData("hopskipjump", "HopSkipJump")]
    [InlineData("autoattack", "AutoAttack")]
    [InlineData("autoattack_rand", "AutoAttack-rand")]
    [InlineData("table_search", "table search")]
    public void A_title_names_an_attack_as_the_field_does(string name, string title) =>
        Assert.Equal(title, Named.Attack(name).Title);

    // Auto-PGD moves a share of the values in L1, where one alone would reach furthest; FAB overshoots by up to 5 %.
    [Theory]
    [InlineData("fgsm")]
    [InlineData("pgd")]
    [InlineData("bim")]
    [InlineData("mi_fgsm")]
    [InlineData("apgd_ce", 1, false)]
    [InlineData("apgd_dlr", 1, false)]
    [InlineData("apgd_t", 1, false)]
    [InlineData("fab", 1.05)]
    [InlineData("fab_t", 1.05)]
    [InlineData("autoattack", 1.05)]
    [InlineData("autoattack_fast", 1.05)]
    [InlineData("autoattack_plus", 1.05)]
    [InlineData("autoattack_rand", 1, false)]
    public void On_a_linear_classifier_an_attack_finds_exactly_what_there_is(
        string attack,
        double overshoot = 1,
        bool inL1 = true
    ) =>
        Linears.Sample(
            c =>
            {
                using var scope = NewDisposeScope();
                using var model = Linear(c.W, c.B, Wide);
                var (inputs, z) = Rows(c.W, c.B, c.X);
                var labels = (z > 0).to(int64);
                using var outcome = AttackHarness.Run(
                    model,
                    inputs,
                    labels,
                    new(new(Named.Attack(attack), c.Norm, c.Epsilon) { RandomStart = false }, c.Seed)
                );

                var reach =
                    c.Epsilon
                    * c.Norm switch
                    {
                        Norm.Linf => c.W.Sum(Math.Abs),
                        Norm.L2 => Math.Sqrt(c.W.Sum(v => v * v)),
                        _ => c.W.Max(Math.Abs),
                    };
                foreach (var (robust, margin) in outcome.Robust.Zip(z.data<float>().Select(Math.Abs)))
                {
                    var rounding = 1e-4 * (1 + reach);
                    if (margin > reach + rounding)
                        Assert.True(robust);
                    if (margin * overshoot < reach - rounding && (inL1 || c.Norm != Norm.L1))
                        Assert.False(robust);
                }
            },
            iter: attack.StartsWith("auto", StringComparison.Ordinal) ? 2 : 20
        );

    [Fact]
    public void Misclassified_rows_are_not_attacked_and_count_as_not_robust()
    {
        using var scope = NewDisposeScope();
        using var model = Linear([1f], 0, Wide);
        var labels = tensor(new long[] { 1, 0, 1, 1 });
        using var outcome = AttackHarness.Run(
            model,
            tensor([5f, 5f, 0.1f, -3f]).unsqueeze(1),
            labels,
            new(new(Named.Attack("pgd"), Norm.Linf, 0.5), 1) { KeepExamples = true }
        );
        Assert.Equal([true, false, true, false], outcome.Correct);
        Assert.Equal([true, false, false, false], outcome.Robust);
        Assert.Equal(0.25, outcome.RobustAccuracy);
        Assert.Equal(0.5, outcome.CleanAccuracy);
        var examples = outcome.Examples!.data<float>().ToArray();
        Assert.Equal([5f, 5f, -3f], [examples[0], examples[1], examples[3]]);
        Assert.InRange(examples[2], -0.4001f, 0f);
    }

    [Fact]
    public void Bounds_limit_an_attack_as_much_as_epsilon_does()
    {
        using var scope = NewDisposeScope();
        // Class 1 needs x below 0.2; from 0.3 an epsilon of 1 would do, if 0.25 were not the least legal value.
        using var model = Linear([1f], -0.2f, new() { Lower = 0.25, Upper = 1 });
        using var outcome = AttackHarness.Run(
            model,
            tensor([0.3f]).unsqueeze(1),
            ones(1, dtype: int64),
            new(new(Named.Attack("pgd"), Norm.L2, 1), 1)
        );
        Assert.True(outcome.Robust[0]);
    }

    [Theory]
    [InlineData(1e3)]
    [InlineData(1e6)]
    public void Saturated_logits_hide_nothing(double scale)
    {
        using var scope = NewDisposeScope();
        var w = new[] { 0.7f, -1.3f, 0.4f };
        var (inputs, z) = Rows(w, 0.1f, [.. Enumerable.Range(0, 300).Select(i => (float)Math.Sin(i * 1.7))]);
        var labels = (z > 0).to(int64);
        AttackRun run = new(new(Named.Attack("pgd"), Norm.Linf, 0.2), 1);
        using var plain = Linear(w, 0.1f, Wide);
        using var saturated = Linear(w, 0.1f, Wide, scale); // cross-entropy in float32 has no gradient at all here
        using var expected = AttackHarness.Run(plain, inputs, labels, run);
        using var actual = AttackHarness.Run(saturated, inputs, labels, run);
        Assert.Equal(expected.Robust, actual.Robust);
        Assert.InRange(expected.RobustAccuracy, 0.2, 0.8);
    }

    [Fact]
    public void What_an_attack_returns_is_projected_before_it_is_judged()
    {
        using var scope = NewDisposeScope();
        using var model = Linear([1f], 0, Wide);
        var inputs = tensor([3f, 0.2f]).unsqueeze(1);
        AttackRun run = new(new(new Cheat(-50), Norm.Linf, 0.5), 1) { KeepExamples = true };
        using var far = AttackHarness.Run(model, inputs, ones(2, dtype: int64), run);
        Assert.Equal([true, false], far.Robust);
        BudgetTests.AssertLegal(Budget.FromSettings(run.Settings, Wide), inputs, far.Examples!);
        using var nothing = AttackHarness.Run(
            model,
            inputs,
            ones(2, dtype: int64),
            run with
            {
                Settings = run.Settings with { Attack = new Cheat(float.NaN) },
            }
        );
        Assert.Equal([true, true], nothing.Robust);
    }

    [Fact]
    public void A_logit_that_is_not_a_number_is_an_error_of_the_classifier()
    {
        using var scope = NewDisposeScope();
        using var model = new FunctionClassifier([1], 2, x => cat([x.sqrt(), x * 0 - 1], 1), Wide);
        var (inputs, labels) = (tensor([4f, 0.1f, -1f]).unsqueeze(1), zeros(3, dtype: int64));
        using var outcome = AttackHarness.Run(model, inputs, labels, new(new(Named.Attack("fgsm"), Norm.Linf, 0.5), 1));
        Assert.Equal([true, true, false], outcome.Correct);
        Assert.Equal([true, false, false], outcome.Robust);
    }

    [Fact]
    public void Logits_without_a_derivative_give_an_attack_nothing_to_go_by()
    {
        using var scope = NewDisposeScope();
        using var model = new FunctionClassifier(
            [1],
            2,
            x => cat([zeros_like(x), (x.detach() > 0).to(float32)], 1),
            Wide
        );
        using var outcome = AttackHarness.Run(
            model,
            ones(2, 1),
            ones(2, dtype: int64),
            new(new(Named.Attack("pgd"), Norm.Linf, 5) { RandomStart = false }, 1)
        );
        Assert.Equal([true, true], outcome.Robust);
    }

    private static (Tensor Inputs, Tensor Z) Rows(float[] w, float b, float[] x)
    {
        var inputs = tensor(x).reshape(-1, w.Length);
        return (inputs, inputs.matmul(tensor(w)) + b);
    }

    // Ignores the budget.
    private sealed class Cheat(float value) : IAttack
    {
        public string Name => "cheat";

        public string Summary => "Sets every value.";

        public bool NeedsGradients => false;

        public Tensor Perturb(AttackContext context, Tensor inputs, Tensor labels) => full_like(inputs, value);
    }
}
