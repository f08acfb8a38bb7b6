using MathNet.Numerics.Distributions;
using PostTrainGate.Statistics;
using Xunit;

namespace PostTrainGate.Tests;

public class ChangePointTests
{
    private const int Rows = 600;

    [Theory]
    [InlineData(8, 4)]
    [InlineData(6, 6)]
    [InlineData(12, 3)]
    public void A_step_is_found_where_it_is(int before, int after)
    {
        double[] values = [.. Wave(before, 0.75), .. Wave(after, 0.65)];
        var shift = ChangePoint.Latest(Terms(values, 0.02))!.Value;
        Assert.Equal(before, shift.At);
        Assert.Equal(0.75, shift.Before, 0.003);
        Assert.Equal(0.65, shift.After, 0.003);
    }

    [Fact]
    public void Of_two_steps_the_latest_is_found()
    {
        double[] values = [.. Wave(8, 0.6), .. Wave(7, 0.75), .. Wave(6, 0.7)];
        var shift = ChangePoint.Latest(Terms(values, 0.02))!.Value;
        Assert.Equal((15, 0.75, 0.7), (shift.At, Math.Round(shift.Before, 2), Math.Round(shift.After, 2)));
    }

    [Fact]
    public void Large_errors_do_not_hide_a_step_that_the_scatter_shows() =>
        Assert.Equal(7, ChangePoint.Latest(Terms([.. Wave(7, 0.75), .. Wave(6, 0.74)], 0.05))?.At);

    [Theory]
    [InlineData(0.60, 1)] // 0.15 is six standard errors of a difference
    [InlineData(0.72, null)]
    public void Two_runs_are_told_apart_by_their_errors_alone(double second, int? at) =>
        Assert.Equal(at, ChangePoint.Latest(Terms([0.75, second], 0.0177))?.At);

    [Fact]
    public void A_value_of_many_rows_weighs_more_than_one_of_few()
    {
        NoisyTerm[] values = [new(0.5, 0.01), new(0.9, 0.4), new(0.5, 0.01), new(0.7, 0.01), new(0.7, 0.01)];
        var shift = ChangePoint.Latest(values)!.Value;
        Assert.Equal(3, shift.At);
        Assert.Equal(0.5, shift.Before, 0.001);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(40)]
    public void Equal_values_have_no_step(int count)
    {
        double[] values = [.. Enumerable.Repeat(0.1, count)]; // no binary fraction: sums of it are inexact
        Assert.Null(ChangePoint.Latest(Terms(values, 0.02)));
        Assert.Null(ChangePoint.Latest(Terms(values, double.NaN)));
    }

    // Each test has the level 1 %, so that 2 % are expected at most; 5 % leaves room for the luck of 200 sequences.
    [Theory]
    [InlineData(1.0)] // runs on rows of their own
    [InlineData(0.3)] // runs on the same rows scatter less than their errors say
    [InlineData(double.NaN)] // errors that are not known
    public void Noise_has_hardly_ever_a_step(double scatter)
    {
        var random = new Random(11);
        var alarms = Enumerable
            .Range(0, 200)
            .Count(_ => ChangePoint.Latest(Noise(random, 30, 0.75, scatter)) is not null);
        Assert.InRange(alarms, 0, 10);
    }

    [Fact]
    public void A_drop_of_five_points_after_twenty_runs_is_found_within_a_run()
    {
        var random = new Random(5);
        var found = Enumerable
            .Range(0, 100)
            .Count(_ =>
                ChangePoint.Latest([.. Noise(random, 20, 0.80, 1), .. Noise(random, 10, 0.72, 1)])
                    is { At: >= 19 and <= 21 }
            );
        Assert.InRange(found, 90, 100);
    }

    // A small regular scatter around a level, so that the answer is known.
    private static IEnumerable<double> Wave(int count, double level) =>
        Enumerable.Range(0, count).Select(i => level + 0.002 * ((i * 7 % 3) - 1));

    private static NoisyTerm[] Terms(IEnumerable<double> values, double error) =>
        [.. values.Select(v => new NoisyTerm(v, error))];

    private static NoisyTerm[] Noise(Random random, int count, double level, double scatter)
    {
        var error = Math.Sqrt(level * (1 - level) / Rows);
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(_ =>
                {
                    var noise = Normal.Sample(random, 0, error);
                    return new NoisyTerm(
                        level + (double.IsNaN(scatter) ? noise : scatter * noise),
                        double.IsNaN(scatter) ? double.NaN : error
                    );
                }),
        ];
    }
}
