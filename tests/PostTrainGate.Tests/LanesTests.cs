using PostTrainGate.Attacks;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;
using PostTrainGate.Tests.Repairs;
using PostTrainGate.Torch;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>Work side by side finds what the same work finds one after the other.</summary>
[Collection(nameof(Alone))]
public class LanesTests
{
    [Theory]
    [InlineData("pgd")]
    [InlineData("apgd_t")]
    [InlineData("square")]
    public void An_attack_finds_the_same_on_one_core_and_on_two(string attack)
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Path("fmnist/lenet5.onnx"));
        var (images, labels) = FashionMnist.Test(100);
        var settings = new AttackSettings(Catalog.Default.Get<IAttack>(attack), Norm.Linf, 0.05) { Steps = 10 };
        var run = new AttackRun(settings, 3) { KeepExamples = true };
        using var one = On(1, () => AttackHarness.Run(model, images, labels, run));
        using var two = On(2, () => AttackHarness.Run(model, images, labels, run));
        Assert.Equal(one.Robust, two.Robust);
        Assert.True(one.Examples!.Same(two.Examples!));
        Assert.InRange(one.RobustAccuracy, 0.05, one.CleanAccuracy - 0.01);
    }

    [Fact]
    public void A_model_is_tuned_to_the_same_weights_on_one_core_and_on_two()
    {
        using var scope = NewDisposeScope();
        using var source = OnnxClassifier.Load(Fixtures.Path("fmnist/cnn.onnx"));
        using var rows = FashionMnist.TestSet(256);
        var recipe = new Adversarial { Budgets = [new Budget(Norm.Linf, 0.05, 0, 1)], CleanShare = 0.25 };
        recipe = recipe with { Schedule = recipe.Schedule with { Steps = 4 } };
        using var one = On(1, Tuned);
        using var two = On(2, Tuned);
        Assert.All(one.Parameters, p => Assert.True(p.Value.Same(two.Parameters[p.Key]), p.Key));
        Assert.Contains(one.Parameters, p => !p.Value.Same(source.Parameters[p.Key]));

        OnnxClassifier Tuned() => ModelTransform.Run(recipe.Recipe(source), new(source, rows, 1)).Model;
    }

    [Fact]
    public void The_attack_within_a_step_keeps_nothing_of_its_own_steps()
    {
        using var scope = NewDisposeScope();
        List<long> alive = [];
        var weight = rand(3, 4);
        using var model = new FunctionClassifier([4], 3, x =>
        {
            alive.Add(Tensor.TotalCount);
            return x.matmul(weight.t());
        });
        using var random = new Generator(1);
        var labels = zeros(8, dtype: ScalarType.Int64);
        InnerAttack.Perturb(model, new(Norm.Linf, 0.1, 0, 1), rand(8, 4), labels, random, steps: 6);
        Assert.Equal(6, alive.Count);
        Assert.Single(alive.Skip(2).Distinct());
    }

    [Fact]
    public void Every_piece_is_done_once_and_the_number_of_threads_is_as_before() => On(2, () =>
        {
            var done = new int[100];
            Lanes.ForEach(done.Length, done.Length, i => Interlocked.Increment(ref done[i]));
            Assert.All(done, count => Assert.Equal(1, count));
            Assert.Equal(2, get_num_threads());
            return 0;
        });

    [Fact]
    public void An_error_of_a_piece_is_thrown_and_ends_the_others() => On(2, () =>
        {
            var done = 0;
            Assert.Throws<InvalidDataException>(() => Lanes.ForEach(1000, 1000, i =>
                {
                    if (i == 10)
                        throw new InvalidDataException();
                    Interlocked.Increment(ref done);
                    Thread.Sleep(1);
                }));
            Assert.InRange(done, 1, 100);
            return 0;
        });

    private static T On<T>(int threads, Func<T> work)
    {
        var before = get_num_threads();
        set_num_threads(threads);
        try
        {
            return work();
        }
        finally
        {
            set_num_threads(before);
        }
    }
}
