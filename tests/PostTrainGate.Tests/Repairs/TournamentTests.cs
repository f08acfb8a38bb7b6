using System.Collections.Immutable;
using PostTrainGate.Gating;
using PostTrainGate.Repairs;
using Xunit;

namespace PostTrainGate.Tests.Repairs;

/// <summary>How plans spend the last of the effort: a long course, and then accuracy is gained back.</summary>
public class TournamentTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    [InlineData(9, 6)] // and then it is given up
    public void Accuracy_is_gained_back_course_by_course(int needed, int taken)
    {
        using var toy = new RepairToy(RepairToy.Attacked);
        using var tournament = new Tournament((Selection)toy.Context.Selection);
        var courses = 0;
        var settling = new Fixed("settled", () => new(++courses >= needed, 1, 0.8) { IsDear = courses < needed })
        {
            Part = 0.06,
        };
        var plan = new Fixed("robust", () => new(true, 0.8, 0.88))
        {
            Pressing = new Fixed("pressed", () => new(false, 1, 0.7) { IsDear = true }) { Part = 0.64 },
            Settling = settling,
        };
        tournament.Run([plan], toy.Context);
        Assert.Equal(taken, courses);
        var settled = tournament.Tried.Where(t => t.Method == "settled").ToArray();
        Assert.Equal(taken, settled.Count(t => t.Share == 1));
        Assert.Equal(needed == taken, settled.Any(t => t.Share < 1)); // the least that is enough
    }

    [Theory]
    [InlineData(false)] // accuracy is spent
    [InlineData(true)] // or the gate passes
    public void Accuracy_that_is_left_is_spent_on_gates_that_fail_in_one_long_course(bool passes)
    {
        using var toy = new RepairToy(RepairToy.Attacked);
        using var tournament = new Tournament((Selection)toy.Context.Selection);
        var courses = 0;
        SelectionScore Next() => ++courses > 0 && passes ? new(true, 0, 0.84) : new(true, 0.3, 0.8) { IsDear = true };
        var plan = new Fixed("robust", () => new(true, 0.8, 0.88))
        {
            Pressing = new Fixed("pressed", Next) { Part = 0.64 },
        };
        tournament.Run([plan], toy.Context);
        Assert.Equal(1, courses);
        var pressed = tournament.Tried.Where(t => t.Method == "pressed").ToArray();
        Assert.Equal(1, pressed.Count(t => t.Share == 1));
        Assert.Equal(3, pressed.Count(t => t.Share < 1)); // the least that is enough
    }

    [Fact]
    public void Plans_that_pass_after_a_short_course_are_not_pressed()
    {
        using var toy = new RepairToy(RepairToy.Attacked);
        using var tournament = new Tournament((Selection)toy.Context.Selection);
        var plan = new Fixed("robust", () => new(true, 0, 0.88))
        {
            Pressing = new Fixed("pressed", () => throw new InvalidOperationException("pressed")),
        };
        tournament.Run([plan, plan with { Name = "other" }], toy.Context);
        Assert.DoesNotContain(tournament.Tried, t => t.Method == "pressed");
    }

    // Always gives the source, with a score of its own.
    private sealed record Fixed(string Name, Func<SelectionScore> Score) : RepairPlan(Name)
    {
        public double Part { get; init; } = 1;

        public override double Seconds => Part;

        public override RepairCandidate Run(RepairContext context, double share) =>
            new(context.Source.Clone(), Name, Score(), ImmutableSortedDictionary<string, string>.Empty);
    }
}
