using CsCheck;
using PostTrainGate.Attacks;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

public partial class AttackTests
{
    // Islands of class 1 with a gradient that often leads away from them: what a restart finds depends on luck.
    private static FunctionClassifier Bumpy() =>
        new(
            [2],
            2,
            x =>
            {
                var z = (x * 9).sin().prod(1) - 0.75;
                return stack([zeros_like(z), z], 1);
            },
            Wide
        );

    [Fact]
    public void More_restarts_never_raise_robust_accuracy_and_a_seed_repeats_every_verdict()
    {
        using var scope = NewDisposeScope();
        using var model = Bumpy();
        using var random = new Generator(3, CPU);
        var inputs = rand(500, 2, generator: random) * 2;
        var labels = zeros(500, dtype: int64);
        AttackOutcome Run(int restarts, int seed) =>
            AttackHarness.Run(
                model,
                inputs,
                labels,
                new(new(Named.Attack("pgd"), Norm.L2, 0.15) { Steps = 5, Restarts = restarts }, seed) { BatchSize = 64 }
            );

        var outcomes = Enumerable.Range(1, 5).Select(r => Run(r, 7)).ToArray();
        for (var i = 1; i < outcomes.Length; i++)
        {
            Assert.All(outcomes[i].Robust.Zip(outcomes[i - 1].Robust), r => Assert.True(!r.First || r.Second));
        }

        Assert.True(outcomes[^1].RobustAccuracy < outcomes[0].RobustAccuracy);
        Assert.Equal(outcomes[2].Robust, Run(3, 7).Robust);
        Assert.NotEqual(outcomes[0].Robust, Run(1, 8).Robust);
    }

    [Fact]
    public void Rows_that_broke_leave_the_batch_with_the_verdicts_of_an_attack_that_keeps_them()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3, CPU);
        var inputs = rand(200, 2, generator: random) * 2;
        var labels = zeros(200, dtype: int64);
        var settings = new AttackSettings(Named.Attack("pgd"), Norm.Linf, 0.1) { RandomStart = false, Steps = 20 };
        using var model = Bumpy();
        using var outcome = AttackHarness.Run(model, inputs, labels, new(settings, 1));
        var spent = model.Rows;

        // The same steps without ever leaving a row out; a success at any step counts.
        using var simple = Bumpy();
        var broken = AttackHarness.Errs(simple.Logits(inputs), labels);
        using var generator = new Generator(1, CPU);
        for (var steps = 1; steps <= 20; steps++)
        {
            var shorter = settings with { Steps = steps, StepSize = 2.5 * 0.1 / 20 };
            var context = new AttackContext(
                simple,
                Budget.FromSettings(settings, Wide),
                shorter,
                generator,
                StopAtSuccess: false
            );
            broken = broken.logical_or(
                AttackHarness.Errs(simple.Logits(GradientAttack.Pgd.Perturb(context, inputs, labels)), labels)
            );
        }

        Assert.Equal(broken.logical_not().data<bool>().ToArray(), outcome.Robust);
        Assert.InRange(outcome.RobustAccuracy, 0.1, 0.9);
        Assert.True(spent < 200 * 21, $"{spent} rows went through the classifier");
    }

    [Fact]
    public void Progress_ends_at_one_and_cancelling_stops()
    {
        using var scope = NewDisposeScope();
        using var model = Bumpy();
        var (inputs, labels) = (rand(300, 2), zeros(300, dtype: int64));
        var told = new List<double>();
        AttackRun run = new(new(Named.Attack("pgd"), Norm.Linf, 0.01) { Restarts = 2 }, 1)
        {
            BatchSize = 50,
            Progress = new Told(told.Add),
        };
        AttackHarness.Run(model, inputs, labels, run).Dispose();
        Assert.Equal(told.Order(), told);
        Assert.Equal(1, told[^1]);
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() =>
            AttackHarness.Run(model, inputs, labels, run with { Cancel = source.Token })
        );
    }

    [Fact]
    public void No_tensor_outlives_an_attack()
    {
        using var scope = NewDisposeScope();
        using var model = Bumpy();
        var (inputs, labels) = (rand(300, 2), zeros(300, dtype: int64));
        AttackRun run = new(new(Named.Attack("pgd"), Norm.L2, 0.1) { Restarts = 2, Steps = 7 }, 1)
        {
            BatchSize = 50,
            KeepExamples = true,
        };
        var before = Alone.LiveTensors();
        using (var outcome = AttackHarness.Run(model, inputs, labels, run))
            Assert.Equal(before + 1, Tensor.TotalCount);
        Assert.Equal(before, Tensor.TotalCount);
    }

    private sealed class Told(Action<double> tell) : IProgress<double>
    {
        public void Report(double value) => tell(value);
    }
}
