import java.io.File;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import org.deidentifier.arx.ARXAnonymizer;
import org.deidentifier.arx.ARXConfiguration;
import org.deidentifier.arx.AttributeType.Hierarchy;
import org.deidentifier.arx.Data;
import org.deidentifier.arx.criteria.KAnonymity;
import org.deidentifier.arx.metric.Metric;
import org.deidentifier.arx.metric.Metric.AggregateFunction;

/** Runs ARX's optimal search on the regional table and prints the CPU seconds of its thread. */
public final class ArxHarness {
  public static void main(String[] given) throws Exception {
    double best = Double.MAX_VALUE;
    for (int round = 0; round < 2; round++) {
      Data data = Data.create(new File(given[0]), StandardCharsets.UTF_8, ';');
      for (String name : given[2].split(",")) {
        File levels = new File(given[1], "regional_" + name + ".csv");
        data.getDefinition()
            .setAttributeType(name, Hierarchy.create(levels, StandardCharsets.UTF_8, ';'));
      }
      ARXConfiguration wanted = ARXConfiguration.create();
      wanted.addPrivacyModel(new KAnonymity(Integer.parseInt(given[3])));
      wanted.setSuppressionLimit(Double.parseDouble(given[4]));
      wanted.setQualityModel(Metric.createLossMetric(0.5, AggregateFunction.GEOMETRIC_MEAN));
      long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
      new ARXAnonymizer().anonymize(data, wanted);
      long spent = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start;
      best = Math.min(best, spent / 1e9);
    }
    System.out.println(best);
  }
}
