import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;

import org.eclipse.dataspacetck.core.spi.boot.Monitor;
import org.eclipse.dataspacetck.core.spi.system.SystemLauncher;
import org.eclipse.dataspacetck.core.system.ConsoleMonitor;
import org.eclipse.dataspacetck.runtime.TckRuntime;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/**
 * Runs one conformance kit that is on the class path and counts: its own main classes exit with 0
 * whatever failed.
 *
 * Arguments: NAME EXPECTED LAUNCHER PACKAGES FILE, where EXPECTED is the number of tests that must
 * pass, PACKAGES are separated by commas and FILE holds the kit's settings. Ends with the line
 * "NAME: N passed, N failed"; exits with 0 only for exactly EXPECTED passed and none failed.
 */
public class Run {
    public static void main(String[] args) throws Exception {
        String name = args[0];
        long expected = Long.parseLong(args[1]);
        Class<? extends SystemLauncher> launcher =
            Class.forName(args[2]).asSubclass(SystemLauncher.class);
        TckRuntime.Builder builder = TckRuntime.Builder.newInstance()
            .properties(settings(args[4]))
            .launcher(launcher)
            .monitor(monitor());
        for (String each : args[3].split(",")) {
            builder = builder.addPackage(each);
        }
        TestExecutionSummary summary = builder.build().execute();
        for (TestExecutionSummary.Failure failure : summary.getFailures()) {
            System.out.println("FAILED " + place(failure.getTestIdentifier()));
            failure.getException().printStackTrace(System.out);
        }
        long passed = summary.getTestsSucceededCount();
        long failed = summary.getTotalFailureCount();
        System.out.println("skipped by the kit: " + summary.getTestsSkippedCount());
        System.out.println(name + ": " + passed + " passed, " + failed + " failed");
        System.out.flush();
        System.exit(passed == expected && failed == 0 ? 0 : 1);
    }

    private static Monitor monitor() {
        return new ConsoleMonitor(Boolean.getBoolean("tidegate.tck.debug"), false);
    }

    private static Map<String, String> settings(String file) throws Exception {
        Properties read = new Properties();
        try (InputStreamReader reader =
                new InputStreamReader(new FileInputStream(file), StandardCharsets.UTF_8)) {
            read.load(reader);
        }
        Map<String, String> settings = new HashMap<>();
        read.stringPropertyNames().forEach(key -> settings.put(key, read.getProperty(key)));
        return settings;
    }

    private static String place(TestIdentifier test) {
        TestSource source = test.getSource().orElse(null);
        if (source instanceof MethodSource method) {
            String type = method.getClassName();
            return type.substring(type.lastIndexOf('.') + 1) + "." + method.getMethodName();
        }
        return test.getDisplayName();
    }
}
