using CsCheck;
using PostTrainGate.Attacks;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

public class BudgetTests
{
    // Clean values may leave the bounds by a little, as scaled columns of unseen rows do.
    private static readonly Gen<(Budget Budget, float[] Clean, float[] Perturbed, int Seed)> Cases =
        from norm in Gen.Enum<Norm>()
        from epsilon in Gen.OneOf(Gen.Const(0.0), Gen.Double[0.001, 3])
        from lower in Gen.Double[-2, 0]
        from upper in Gen.Double[0.1, 3]
        from width in Gen.Int[1, 12]
        from clean in Gen.Float[-2.5f, 3.5f].Array[3 * width]
        from change in Gen.OneOf(Gen.Float[-4, 4], Gen.Const(float.NaN), Gen.Const(float.PositiveInfinity)).Array[
            3 * width
        ]
        from seed in Gen.Int[0, 1000]
        select (new Budget(norm, epsilon, lower, upper), clean, change, seed);

    [Fact]
    public void Whatever_is_projected_is_within_epsilon_and_bounds_and_projecting_again_changes_nothing() =>
        Cases.Sample(c =>
        {
            using var scope = NewDisposeScope();
            var clean = tensor(c.Clean).reshape(3, -1);
            var legal = c.Budget.Project(clean, tensor(c.Perturbed).reshape(3, -1));
            AssertLegal(c.Budget, clean, legal);
            Assert.True((c.Budget.Project(clean, legal) - legal).abs().max().item<float>() <= 1e-6);
        });

    [Fact]
    public void What_is_legal_already_stays_as_it_is() =>
        Cases.Sample(c =>
        {
            using var scope = NewDisposeScope();
            var clean = tensor(c.Clean).reshape(3, -1);
            Assert.Equal(c.Clean, c.Budget.Project(clean, clean).data<float>().ToArray());
        });

    [Fact]
    public void Random_points_are_legal_and_repeat_with_their_seed() =>
        Cases.Sample(c =>
        {
            using var scope = NewDisposeScope();
            using var once = new Generator((ulong)c.Seed, CPU);
            using var again = new Generator((ulong)c.Seed, CPU);
            var clean = tensor(c.Clean).reshape(3, -1);
            var point = c.Budget.RandomPoint(clean, once);
            AssertLegal(c.Budget, clean, point);
            Assert.Equal(point.data<float>().ToArray(), c.Budget.RandomPoint(clean, again).data<float>().ToArray());
        });

    [Fact]
    public void Random_points_fill_the_ball_uniformly()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1, CPU);
        var clean = zeros(20_000, 3);
        // In a d-ball the share of volume within radius r is r^d; in a cube each coordinate is uniform.
        var radius = new Budget(Norm.L2, 2, -9, 9).RandomPoint(clean, random).norm(1) / 2;
        foreach (var r in new[] { 0.5, 0.8 })
            Assert.Equal(Math.Pow(r, 3), Share(radius < r), 0.012);
        var coordinate = new Budget(Norm.Linf, 2, -9, 9).RandomPoint(clean, random).flatten();
        foreach (var x in new[] { -1.0, 0.5 })
            Assert.Equal((x + 2) / 4, Share(coordinate < x), 0.012);

        static double Share(Tensor which) => which.to(float64).mean().item<double>();
    }

    [Theory]
    [InlineData(Norm.Linf, new[] { 3f, -0.5f, 0f, 0f }, new[] { 1f, -1f, 0f, 0f })]
    [InlineData(Norm.L2, new[] { 3f, -4f, 0f, 0f }, new[] { 0.6f, -0.8f, 0f, 0f })]
    // Below 1e-12 there is no direction to speak of.
    [InlineData(Norm.L2, new[] { 3e-20f, 0f, 0f, 0f }, new[] { 3e-8f, 0f, 0f, 0f })]
    [InlineData(Norm.Linf, new[] { float.NaN, 2f, 0f, -2f }, new[] { 0f, 1f, 0f, -1f })]
    public void A_direction_is_the_steepest_step_of_size_one(Norm norm, float[] gradient, float[] expected)
    {
        using var scope = NewDisposeScope();
        var direction = new Budget(norm, 1, 0, 1).Direction(tensor(gradient).unsqueeze(0));
        Assert.True((direction - tensor(expected)).abs().max().item<float>() < 1e-6);
    }

    [Fact]
    public void Distances_are_those_of_the_norm()
    {
        using var scope = NewDisposeScope();
        var (clean, moved) = (zeros(2, 1, 2, 2), tensor([3f, 0, 0, -4, 0, 0, 0, 0]).reshape(2, 1, 2, 2));
        Assert.Equal([4f, 0f], new Budget(Norm.Linf, 1, 0, 1).Distance(clean, moved).data<float>().ToArray());
        Assert.Equal([5f, 0f], new Budget(Norm.L2, 1, 0, 1).Distance(clean, moved).data<float>().ToArray());
    }

    internal static void AssertLegal(Budget budget, Tensor clean, Tensor perturbed)
    {
        using var scope = NewDisposeScope();
        Assert.True(budget.Distance(clean, perturbed).max().item<float>() <= budget.Epsilon * (1 + 1e-5) + 1e-6);
        Assert.False((perturbed < clean.clamp_max(budget.Lower) - 1e-6).any().item<bool>());
        Assert.False((perturbed > clean.clamp_min(budget.Upper) + 1e-6).any().item<bool>());
    }
}
