using System.Collections.Immutable;
using PostTrainGate.Gating;
using PostTrainGate.Repairs;
using Xunit;

namespace PostTrainGate.Tests.Repairs;

/// <summary>How plans that cost too much accuracy gain it back.</summary>
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
        var settling = new Fixed("settled", () => new(++courses >= needed, 1, 0.8) { IsDear = courses < needed });
        var plan = new Fixed("robust", () => new(false, 1, 0.7) { IsDear = true }) { Settling = settling };
        tournament.Run([plan], toy.Context);
        Assert.Equal(taken, courses);
        var settled = tournament.Tried.Where(t => t.Method == "settled").ToArray();
        Assert.Equal(taken, settled.Count(t => t.Share == 1));
        Assert.Equal(needed == taken, settled.Any(t => t.Share < 1)); // the least that is enough
    }

    // Always gives the source, with a score of its own.
    private sealed record Fixed(string Name, Func<SelectionScore> Score) : RepairPlan(Name)
    {
        public override double Seconds => 1;

        public override RepairCandidate Run(RepairContext context, double share) =>
            new(context.Source.Clone(), Name, Score(), ImmutableSortedDictionary<string, string>.Empty);
    }
}
